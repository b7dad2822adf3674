-- What a session was that the store forgot, wholly or since a moment ago (P10); nil without 'restore'.
local function formerOf(act)
  if act.intent ~= 'x' then return nil end
  local startedAt, segment, segmentAt = match(act.former, '^(%d+)|(%d+)|(%d+)$')
  if not startedAt then return nil end
  return { startedAt = math.min(startedAt, now), segment = tonumber(segment), segmentAt = math.min(segmentAt, now) }
end
