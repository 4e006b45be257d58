// The other part of a dissector that is the same for every protocol: checksums, whole frames, and finding frames in
// streams and datagrams. It stands behind the prelude.

export const FRAMES: string = `
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
