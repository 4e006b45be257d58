// The part of a dissector that is the same for every protocol: a cursor over the bytes, and readers that add what they
// read to the packet tree (frames and streams: frames.ts). Lua 5.2 to 5.4, as Wireshark 3.6 and later have it.

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
  if n == 0 then return 0 end
  if n <= 4 then return little and range:le_uint() or range:uint() end
  return (little and range:le_uint64() or range:uint64()):tonumber()
end

-- A number of whole bytes at a byte boundary; a run of bits otherwise, little: from the least significant up.
local function uint(c, field, width, little)
  if c.bit == 0 and width % 8 == 0 then
    if width == 0 then return 0 end
    local range = take(c, width / 8)
    local value = uint_of(range, little)
    if width <= 32 then add(c, field, range, value)
    else add(c, field, range, little and range:le_uint64() or range:uint64()) end
    return value
  end
  local bytes = math.ceil((c.bit + width) / 8)
  need(c, bytes)
  local value = 0
  for i = 0, bytes - 1 do
    local byte = c.tvb:range(c.at + (little and bytes - 1 - i or i), 1):uint()
    value = value * 256 + byte
  end
  local behind = little and c.bit or bytes * 8 - c.bit - width
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

local function flag(c, field, little)
  local tree, at = c.tree, c.at
  c.tree = false
  local value = uint(c, nil, 1, little) ~= 0
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

-- LEB128 in 7-bit groups from the low end, VLQ from the high end; QUIC by the two high bits of the first byte.
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
      if coding == "vlq" then value = value * 128 + byte % 128 else value = value + (byte % 128) * scale end
      scale = scale * 128
      if coding == "vlq" and value == 0 and byte == 128 then
        error({ problem = "a number longer than it needs to be", at = from })
      end
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
`.trimStart()
