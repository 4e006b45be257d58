// The part of a dissector that is the same for every protocol: a cursor over the bytes, readers that add what they
// read to the packet tree, reassembly of streams. Lua 5.2 to 5.4, as Wireshark 3.6 and later have it.

export const PRELUDE: string = `
-- A cursor: tvb, at (byte), bit (0..7), stop (byte behind the region), start (of the frame), v (values read),
-- tree (false while only the size is wanted), open (true: more bytes may follow on the stream).

local bits_lib = rawget(_G, "bit32") or rawget(_G, "bit")

local function native(operator)
  return assert(load("return function(a, b) return (a " .. operator .. " b) & 0xffffffff end"))()
end

local band = bits_lib and bits_lib.band or native("&")
local bxor = bits_lib and bits_lib.bxor or native("~")
local bor = bits_lib and bits_lib.bor or native("|")

-- Bitwise operators on numbers of up to 53 bits, by halves of 32 bits.
local function halves(operation)
  return function(a, b)
    local high = operation(math.floor(a / 2 ^ 32), math.floor(b / 2 ^ 32)) % 2 ^ 32
    return high * 2 ^ 32 + operation(a % 2 ^ 32, b % 2 ^ 32) % 2 ^ 32
  end
end

local AND, OR, XOR = halves(band), halves(bor), halves(bxor)

local function has_bit(value, n)
  return math.floor((value or 0) / 2 ^ n) % 2 >= 1
end

local function truncate(a, b)
  if b == 0 then error({ problem = "division by zero" }) end
  local q = a / b
  return q < 0 and math.ceil(q) or math.floor(q)
end

-- What the dissector cannot know (a param, a session value, a hash): the rest of the frame stays bytes.
local function unknown(what)
  error({ opaque = what })
end

local function need(c, n)
  if n < 0 or n ~= n then error({ problem = "a size below zero", at = c.at }) end
  if c.at + n <= c.stop then return end
  if c.open then error({ more = c.at + n - c.stop }) end
  error({ problem = "cut off: " .. n .. " bytes wanted, " .. (c.stop - c.at) .. " left", at = c.at })
end

local function take(c, n)
  need(c, n)
  local range = c.tvb:range(c.at, n)
  c.at = c.at + n
  return range
end

local function add(c, field, range, value, text)
  if not c.tree then return nil end
  local item = value == nil and c.tree:add(field, range) or c.tree:add(field, range, value)
  if text then item:append_text(text) end
  return item
end

local function uint_of(range, little)
  local n = range:len()
  if n <= 4 then return little and range:le_uint() or range:uint() end
  return (little and range:le_uint64() or range:uint64()):tonumber()
end

-- A number of whole bytes at a byte boundary; bits of one and the same byte run otherwise.
local function uint(c, field, width, little)
  if c.bit == 0 and width % 8 == 0 then
    local range = take(c, width / 8)
    local value = uint_of(range, little)
    if width <= 32 then add(c, field, range, value)
    else add(c, field, range, little and range:le_uint64() or range:uint64()) end
    return value
  end
  local bytes = math.ceil((c.bit + width) / 8)
  need(c, bytes)
  local value = 0
  for i = 0, bytes - 1 do value = value * 256 + c.tvb:range(c.at + i, 1):uint() end
  local behind = bytes * 8 - c.bit - width
  value = math.floor(value / 2 ^ behind) % 2 ^ width
  add(c, field, c.tvb:range(c.at, bytes), width <= 32 and value or UInt64(value % 2 ^ 32, math.floor(value / 2 ^ 32)))
  c.at = c.at + math.floor((c.bit + width) / 8)
  c.bit = (c.bit + width) % 8
  return value
end

local function int(c, field, width, little)
  if c.bit == 0 and width % 8 == 0 then
    local range = take(c, width / 8)
    if width <= 32 then
      local value = little and range:le_int() or range:int()
      add(c, field, range, value)
      return value
    end
    local value = little and range:le_int64() or range:int64()
    add(c, field, range, value)
    return value:tonumber()
  end
  local tree, at = c.tree, c.at
  c.tree = false
  local value = uint(c, nil, width, little)
  c.tree = tree
  if value >= 2 ^ (width - 1) then value = value - 2 ^ width end
  add(c, field, c.tvb:range(at, math.max(1, c.at - at)), value)
  return value
end

local function float(c, field, width, little)
  local range = take(c, width / 8)
  local value = little and range:le_float() or range:float()
  add(c, field, range, value)
  return value
end

local function bool(c, field)
  local range = take(c, 1)
  add(c, field, range, range:uint() ~= 0)
  return range:uint() ~= 0
end

local function flag(c, field)
  local tree, at = c.tree, c.at
  c.tree = false
  local value = uint(c, nil, 1, false) ~= 0
  c.tree = tree
  add(c, field, c.tvb:range(at, 1), value)
  return value
end

-- Reads without a line in the tree.
local function quietly(c, read, ...)
  local tree = c.tree
  c.tree = false
  local value = read(c, nil, ...)
  c.tree = tree
  return value
end

-- A bit set of whole bytes, with a line for each bit.
local function flags(c, field, width, little, names)
  local range = take(c, width / 8)
  local value = uint_of(range, little)
  local item = add(c, field, range, value)
  if item then
    for _, bit in ipairs(names) do
      if little then item:add_le(bit, range) else item:add(bit, range) end
    end
  end
  return value
end

-- LEB128 in 7-bit groups from the low end; QUIC by the two high bits of the first byte.
local function varint(c, field, coding, most)
  local from, value, scale, byte = c.at, 0, 1, 0
  if coding == "quic" then
    need(c, 1)
    byte = c.tvb:range(c.at, 1):uint()
    local range = take(c, 2 ^ math.floor(byte / 64))
    value = byte % 64
    for i = 1, range:len() - 1 do value = value * 256 + range:range(i, 1):uint() end
  else
    repeat
      if c.at - from >= most then error({ problem = "a number of too many bytes", at = from }) end
      byte = take(c, 1):uint()
      value = value + (byte % 128) * scale
      scale = scale * 128
    until byte < 128
    if coding == "zigzag" then
      value = value % 2 == 0 and value / 2 or -(value + 1) / 2
    elseif coding == "sleb128" and byte >= 64 then
      value = value - scale
    end
  end
  local signed = coding == "zigzag" or coding == "sleb128"
  local shown = value
  if not signed then shown = UInt64(value % 2 ^ 32, math.floor(value / 2 ^ 32)) else shown = Int64.new(value) end
  add(c, field, c.tvb:range(from, c.at - from), shown)
  return value
end

local function bytes(c, field)
  local range = take(c, c.stop - c.at)
  if range:len() > 0 then add(c, field, range) end
  return range:len() > 0 and range:raw() or ""
end

local function text(c, field, encoding)
  local n = c.stop - c.at
  local range = take(c, n)
  local value = n > 0 and range:string(encoding) or ""
  add(c, field, range, value)
  return value
end

-- A region of n bytes: a cursor of its own over them; the outer one stands behind it.
local function region(c, n)
  need(c, n)
  local inner = setmetatable({ at = c.at, bit = 0, stop = c.at + n, open = false }, { __index = c })
  c.at = c.at + n
  return inner
end

-- The rest of the region, less what stands behind it. On a stream there is no rest.
local function rest(c, tail)
  if c.open then unknown("the end of the frame") end
  return region(c, c.stop - c.at - tail)
end

local function delimited(c, delimiter)
  for at = c.at, c.stop - #delimiter do
    if c.tvb:range(at, #delimiter):raw() == delimiter then
      local inner = region(c, at - c.at)
      c.at = at + #delimiter
      return inner
    end
  end
  if c.open then error({ more = 1 }) end
  error({ problem = "the delimiter is missing", at = c.at })
end

local function close(c)
  if c.at < c.stop and c.tree then
    c.tree:add_proto_expert_info(EXPERT, (c.stop - c.at) .. " bytes left over")
  end
end

-- A record inside another: values of its own, and a line in the tree that holds its fields.
local function record(c, name, body)
  local from, tree, values = c.at, c.tree, c.v
  local inner = {}
  if (c.depth or 0) > 32 then error({ problem = "nested too deep", at = from }) end
  if tree then
    local n = c.open and 0 or c.stop - from
    c.tree = tree:add(c.tvb:range(from, math.max(0, n)), name)
  end
  local item = c.tree
  c.v, c.depth = inner, (c.depth or 0) + 1
  inner["^"] = values
  body(c, inner)
  if item then item:set_len(c.at - from) end
  c.tree, c.v, c.depth = tree, values, c.depth - 1
  return inner
end

local function align(c, to)
  local over = (c.at - c.start) % to
  if over > 0 then take(c, to - over) end
end

local function sealed(c, name, field)
  local range = take(c, c.stop - c.at)
  if range:len() > 0 then add(c, field, range, nil, " (sealed: " .. name .. ")") end
end

local function peek(c, width, little)
  need(c, math.ceil(width / 8))
  local at, bit, tree = c.at, c.bit, c.tree
  c.tree = false
  local value = uint(c, nil, width, little)
  c.at, c.bit, c.tree = at, bit, tree
  return value
end

-- Checksums over bytes from..to of the frame (to not included), compared with the value read.
local CHECKSUM = {}

function CHECKSUM.crc(data, polynomial)
  local crc = 0xffffffff
  for i = 0, data:len() - 1 do
    crc = bxor(crc, data:get_index(i)) % 2 ^ 32
    for _ = 1, 8 do
      local low = crc % 2
      crc = math.floor(crc / 2)
      if low == 1 then crc = bxor(crc, polynomial) % 2 ^ 32 end
    end
  end
  return bxor(crc, 0xffffffff) % 2 ^ 32
end

function CHECKSUM.crc32(data) return CHECKSUM.crc(data, 0xedb88320) end
function CHECKSUM.crc32c(data) return CHECKSUM.crc(data, 0x82f63b78) end

function CHECKSUM.adler32(data)
  local a, b = 1, 0
  for i = 0, data:len() - 1 do
    a = (a + data:get_index(i)) % 65521
    b = (b + a) % 65521
  end
  return b * 65536 + a
end

function CHECKSUM.sum8(data)
  local sum = 0
  for i = 0, data:len() - 1 do sum = (sum + data:get_index(i)) % 256 end
  return sum
end

function CHECKSUM.xor8(data)
  local value = 0
  for i = 0, data:len() - 1 do value = bxor(value, data:get_index(i)) % 256 end
  return value
end

local function checksum(c, kind, from, to, value)
  if not c.tree or to <= from then return end
  local right = CHECKSUM[kind](c.tvb:range(from, to - from):bytes())
  if right == value then c.tree:add(EXTRA.checksum, c.tvb:range(from, to - from), true):set_generated()
  else c.tree:add_proto_expert_info(EXPERT, string.format("%s is 0x%x, should be 0x%x", kind, value, right)) end
end

-- One frame in from..stop. Returns its end and its name, or nil and the problem.
local function frame(tvb, from, stop, open, pinfo, tree)
  local c = { tvb = tvb, at = from, bit = 0, stop = stop, start = from, open = open, v = {}, depth = 0 }
  c.up = toward_server(pinfo)
  c.tree = false
  local name
  local ok, problem = pcall(function()
    name = choose(c)
    c.at, c.bit, c.v, c.tree = from, 0, {}, tree or false
    local body = name and FRAME[name] or ENVELOPE
    if not body then unknown("which frame it is") end
    body(c, c.v)
  end)
  if ok then return c.at, name or "sealed" end
  if type(problem) ~= "table" then error(problem, 0) end
  if problem.more then return nil, problem end
  if tree then
    if problem.opaque and c.at < stop then
      tree:add(EXTRA.opaque, tvb:range(c.at, stop - c.at)):append_text(" (not known here: " .. problem.opaque .. ")")
    elseif problem.problem then
      tree:add_proto_expert_info(EXPERT, problem.problem)
    end
  end
  return stop, name or "?"
end

-- A whole frame, into the tree.
local function show(tvb, from, stop, pinfo, tree, names)
  local item = tree:add(PROTOCOL, tvb:range(from, stop - from))
  local at, name = frame(tvb, from, stop, false, pinfo, item)
  if at then item:set_len(at - from) end
  item:append_text(", " .. name)
  names[#names + 1] = name
  return at or stop
end

-- A stream is dissected in several calls when a frame was put together; later ones add to the line of the first.
local last
local function finish(pinfo, names)
  if #names == 0 then return end
  pinfo.cols.protocol = PROTOCOL.name
  pinfo.cols.info = (last == pinfo.number and ", " or "") .. table.concat(names, ", ")
  last = pinfo.number
end

-- Returns where the next frame of the stream begins and ends, or nil and the bytes missing.
local FRAMING = {}

function FRAMING.self(tvb, at, stop, pinfo)
  local finish_at, problem = frame(tvb, at, stop, true, pinfo, nil)
  if not finish_at then return nil, problem.more end
  return at, math.max(finish_at, at + 1)
end

function FRAMING.raw(_, at, stop)
  return at, stop
end

function FRAMING.fixed(_, at, stop, _, n)
  if stop - at < n then return nil, n - (stop - at) end
  return at, at + n
end

function FRAMING.delimiter(tvb, at, stop, _, delimiter)
  local c = { tvb = tvb, at = at, bit = 0, stop = stop, open = true }
  local ok, inner = pcall(delimited, c, delimiter)
  if not ok then return nil, nil end
  return at, inner.stop, c.at
end

function FRAMING.prefix(tvb, at, stop, _, read)
  local c = { tvb = tvb, at = at, bit = 0, stop = stop, open = true }
  local ok, n = pcall(read, c)
  if not ok then return nil, type(n) == "table" and n.more or nil end
  if stop - c.at < n then return nil, n - (stop - c.at) end
  return c.at, c.at + n
end

local function stream(tvb, pinfo, tree, kind, argument)
  local at, stop, names = 0, tvb:len(), {}
  while at < stop do
    local from, to, behind = FRAMING[kind](tvb, at, stop, pinfo, argument)
    if not from then
      pinfo.desegment_offset = at
      pinfo.desegment_len = to or DESEGMENT_ONE_MORE_SEGMENT
      break
    end
    show(tvb, from, to, pinfo, tree, names)
    at = behind or to
  end
  finish(pinfo, names)
  return stop
end

local function datagram(tvb, pinfo, tree, packed)
  local at, names = 0, {}
  repeat
    at = show(tvb, at, tvb:len(), pinfo, tree, names)
  until not packed or at >= tvb:len()
  finish(pinfo, names)
  return tvb:len()
end
`.trimStart()
