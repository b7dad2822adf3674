-- What a session was that the store forgot, wholly or since a moment ago (P10): of the item at i; nil without 'restore'.
local function formerOf(i)
  if v[i + INTENT] ~= 'x' then return nil end
  local startedAt, segment, segmentAt = match(v[i + FORMER], '^(%d+)|(%d+)|(%d+)$')
  if not startedAt then return nil end
  return { startedAt = math.min(startedAt, now), segment = tonumber(segment), segmentAt = math.min(segmentAt, now) }
end
