#!lua
-- Admission (P4-P7, P10), one atomic step per item.
-- ARGV, 14 an item: K, user, session, bucket, owner, leaseMs, limit ('' none), policy ('r' reject, 'e' evict-oldest),
--   replace (ids joined with '|'), intent ('f' fresh, 'r' resume, 'l' only if live, 'b' beat, 'x' restore; 'R', 'B': one that returns),
--   beginning ('startedAt', 'startedAt|segment|segmentStartedAt' of what goes on, 'startedAt|startedAt|...' with only if
--   live, or ''),
--   '|stream|device type|country|state|device|meta' ('' keeps what is known), default limit,
--   what the caller was to the session ('h' held it, 'l' its hello came a while ago, '' just now).
-- Returns per item an array: a head 'opened|current|max|startedAt|expiresAt|segment|segmentStartedAt - startedAt'
--   (or 'renewed', 'held'), 'refused|current|max|nextFreeAt', 'ended|reason|ms that this lasts', 'gone', 'moved' or
--   'fenced'; then a line per
--   displaced session (what = reason or 'moved') and per conflict (what = 'conflict').

-- Whether the session is live and began when the resume token says it may have; '' fits any.
local function isIncarnation(act, member)
  if not member then return false end
  loadRows(act)
  return act.beginning == '' or string.find('|' .. act.beginning .. '|', '|' .. member.row.startedAt .. '|', 1, true) ~= nil
end

-- The number of the connection of a socket: the greater, the later its hello came. nil for other owners.
local function numberOf(owner)
  local text = match(owner, '^s.+%.(%w+)$')
  return text and tonumber(text, 36)
end

-- As connection-numbers.ts has it: whether the hello of the first connection came later. What lies ahead was given before
-- the clock was set back (P2).
local function isNewer(one, other)
  local most = (now + CLOCK_SLACK_MS) * NUMBERS_PER_MS
  if (one > most) ~= (other > most) then return other > most end
  return one > other
end

-- Whether somebody else holds the session and keeps it from this socket; nobody holds a detached one (P7).
local function isHeldElsewhere(act, member, socketWas)
  local number = member and socketWas ~= '' and numberOf(act.owner)
  if not number then return false end
  loadRows(act)
  local owner = member.row.owner
  local other = numberOf(owner)
  if not other then return owner ~= 's' and socketWas == 'h' and act.intent ~= 'x' end
  return isNewer(other, number) and not (act.intent == 'x' and isOfFormerEpoch(act.K, owner))
end

-- Whether a live session has no row that can be read (P12): of what it was only the slot is known.
local function isHalfThere(act, member)
  if not member then return false end
  loadRows(act)
  return member.row.isLost
end

-- Ends it in the step that opens it again, with the start that its holder knows, in the slot that it had.
local function endHalf(act, member)
  endSession(act, member, 'timeout', now, true)
  act.admittedTimes = math.huge
end

local function open(act, limit, default, socketWas)
  local K, user, session, intent = act.K, act.user, act.session, act.intent
  if fenced(K, act.owner) then return { 'fenced' } end
  local reason, endedAt, lastsUntil = tombstone(K, user, session)
  if reason then
    local former = formerOf(act)
    local isOfEarlier = former and former.startedAt > endedAt
    if intent ~= 'f' and not isOfEarlier then return { fmt('ended|%s|%d', reason, lastsUntil - now) } end
    call('ZREM', K .. 'tomb', user .. ' ' .. session)
  end
  liveMembers(act)
  local member = memberOf(act, session)
  if intent == 'l' and not isIncarnation(act, member) then return { 'gone' } end
  local earlier = isEarlier(act, member)
  if not earlier and isHeldElsewhere(act, member, socketWas) then return { 'moved' } end
  act.max = limit ~= '' and limit or call('HGET', K .. 'lim', user) or default
  local isLost = isHalfThere(act, member)
  if member and not earlier and not isLost then return renewSession(act, member) end
  mustRemember(K)
  local out, wasOnline = { '' }, #act.members > 0
  if earlier then endEarlier(act, member, out) end
  if isLost then endHalf(act, member) end
  -- Fails before anything is written, if the row cannot be: nobody is added by halves.
  local left = call('HGET', act.rows, user .. ' ' .. session)
  if left then endRowAlone(act, session, left) end
  return admitSession(act, out, wasOnline)
end

-- What an item asks for, beside what all acts have (parts/rows.lua). One table, made at one go: it is the cheapest.
local function openActOn(i)
  local v = ARGV
  local intent = v[i + 9]
  -- By the store as it was before it forgot (P10). Of those who return nobody is sure: others may have their slots.
  local admittedTimes = intent == 'x' and math.huge or (intent == 'R' or intent == 'B') and 2
  if intent == 'B' then intent = 'b' end
  local K, user, bucket = v[i], v[i + 1], v[i + 3]
  return { K = K, user = user, session = v[i + 2], bucket = bucket, owner = v[i + 4], set = K .. 'u:' .. user,
    rows = K .. 'm:' .. bucket, members = NO_MEMBERS, leaseMs = v[i + 5],
    policy = admittedTimes and 'r' or v[i + 7], replace = v[i + 8],
    intent = intent, beginning = v[i + 10], attributes = v[i + 11], max = '', admittedTimes = admittedTimes }
end

return function()
  return forEachItem(1, 14, function(i)
    return open(openActOn(i), ARGV[i + 6], ARGV[i + 12], ARGV[i + 13])
  end)
end
