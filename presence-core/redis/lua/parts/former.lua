-- Start and segment with which a session goes on that its caller knew before; nil for one that begins.
local function goingOn(act)
  local startedAt, segment, segmentAt = match(act.beginning, '^(%d+)|(%d+)|(%d+)$')
  if not startedAt then return nil end
  return { startedAt = math.min(startedAt, now), segment = tonumber(segment), segmentAt = math.min(segmentAt, now) }
end

-- What a session was that the store forgot, wholly or since a moment ago (P10); nil without 'restore'.
local function formerOf(act)
  return act.intent == 'x' and goingOn(act) or nil
end

-- Whether a live session began before the one of its id that is restored: the store forgot its end (P10).
local function isEarlier(act, member)
  local former = member and formerOf(act)
  if not former then return false end
  loadRows(act)
  return tonumber(member.row.startedAt) < former.startedAt
end

-- Ends it in the step that opens the other. Adds its socket to the displaced ones of the reply `out`.
local function endEarlier(act, member, out)
  local owner = member.row.owner
  if #owner > 1 and owner ~= act.owner then out[2] = replyLine('moved', member) end
  endSession(act, member, 'timeout', formerOf(act).startedAt, true)
end

-- Whether a socket held it when the store went back (P10): what it holds now it opens again under a new generation.
local function isOfFormerEpoch(K, owner)
  local generation, formers = match(owner, '^s(.+)%.'), call('HGET', K .. 'shard', 'formers')
  return generation and formers and string.find(formers, '|' .. generation .. '|', 1, true) ~= nil
end
