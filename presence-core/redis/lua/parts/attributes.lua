-- What a client tells of a session: stream, device type, country, state, device, meta; '' for what it does not tell.

-- The parts of '|stream|device type|country|state|device|meta'.
local function splitAttributes(text)
  return match(text, '^|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
end

local function parseAttributes(text)
  local stream, dtype, country, state, device, meta = splitAttributes(text)
  return { stream = stream, dtype = dtype, country = country, state = state, device = device, meta = meta }
end

-- Takes the given attributes over ('' keeps the old) and logs a change of them (P11).
-- former: what a session is to be that is restored over an earlier state of itself, as after a failover (P10), or nil.
-- Returns true when the row changed and must be saved.
local function applyAttributes(act, member, given, former)
  local row = member.row
  local previous = { stream = row.stream, dtype = row.dtype, country = row.country, state = row.state,
    segment = row.segment, segmentMs = row.segmentMs }
  if given.stream ~= '' then row.stream = given.stream end
  if given.dtype ~= '' then row.dtype = given.dtype end
  if given.country ~= '' then row.country = given.country end
  if given.state ~= '' then row.state = given.state end
  local isOther = (given.device ~= '' and given.device ~= row.device) or (given.meta ~= '' and given.meta ~= row.meta)
  if given.device ~= '' then row.device = given.device end
  if given.meta ~= '' then row.meta = given.meta end
  local behind = former and former.startedAt == tonumber(row.startedAt) and former.segment > tonumber(row.segment)
  if not behind and not isOther and row.stream == previous.stream and row.dtype == previous.dtype
    and row.country == previous.country and row.state == previous.state then
    return false
  end
  if behind then
    row.segment = fmt('%d', former.segment)
    row.segmentMs = fmt('%d', math.max(0, former.segmentAt - former.startedAt))
  elseif row.stream ~= previous.stream then
    row.segment = fmt('%d', row.segment + 1)
    row.segmentMs = fmt('%d', now - row.startedAt)
  end
  countSession(act, member, previous, -1, row)
  countSession(act, member, row, 1, previous)
  appendChange(act, 'u', member, now, { transition = '', reason = '', previous = previous })
  return true
end
