-- Admission (P4-P7, P10), one atomic step per item.
-- ARGV, 13 an item: K, user, session, bucket, owner, leaseMs, limit ('' none), policy ('r' reject, 'e' evict-oldest),
--   replace (ids joined with '|'), intent ('f' fresh, 'r' resume, 'l' only if live, 'b' beat, 'x' restore),
--   former ('startedAt|segment|segmentStartedAt' with restore, or ''),
--   '|stream|device type|country|state|device|meta' ('' keeps what is known), default limit.
-- Returns per item an array: a head 'opened|current|max|startedAt|expiresAt|segment|segmentStartedAt - startedAt'
--   (or 'renewed', 'held'), 'refused|current|max|nextFreeAt', 'ended|reason', 'gone' or 'fenced'; then a line per
--   displaced session (what = reason or 'moved') and per conflict (what = 'conflict').

local function open(i)
  local K, user, session, intent = v[i], v[i + USER], v[i + SESSION], v[i + INTENT]
  local act = actOn(K, user, session, v[i + BUCKET], v[i + OWNER])
  if fenced(K, act.owner) then return { 'fenced' } end
  local reason = tombstone(K, user, session)
  if reason then
    if intent ~= 'f' then return { 'ended|' .. reason } end
    call('ZREM', K .. 'tomb', user .. ' ' .. session)
  end
  liveMembers(act)
  local member = memberOf(act, session)
  if intent == 'l' and not member then return { 'gone' } end
  local max = maxOf(K, user, v[i + LIMIT], v[i + DEFAULT_LIMIT])
  return member and renewSession(act, member, max, i) or admitSession(act, max, i)
end

for i = at, total, ARGS_PER_ITEM do replies[#replies + 1] = renewUnchanged(i) or open(i) end
return replies
