#!lua flags=allow-oom
-- Renews sessions that are live and stay as they are, as most heartbeats do (P4); all others are for `open`, which
-- Redis refuses when it is out of memory (P9). The busiest way, so it takes no record apart and makes none.
-- ARGV, 9 an item: K, user, session, bucket, owner, leaseMs, limit ('' none),
--   '|stream|device type|country|state|device|meta' ('' keeps what is known), default limit.
-- Returns per item 'renewed|current|max|startedAt|expiresAt|segment|segmentStartedAt - startedAt', or 'unknown'.

-- The reply to the item at i; or nil when its session is not live here or its row would change; or nil and true when
-- members of the user may have expired, which end first; areLive: they have been ended. A row ends as the attributes are
-- given, so that neither is taken apart; a member has no tombstone.
local function renewUnchanged(v, i, areLive)
  local K, user, session, attributes = v[i], v[i + 1], v[i + 2], v[i + 7]
  local set = K .. 'u:' .. user
  local flat = call('ZRANGE', set, '0', '-1', 'WITHSCORES')
  local score, current = nil, 0
  for j = 1, #flat, 2 do
    if flat[j] == session then score = tonumber(flat[j + 1]) end
    if flat[j] ~= '*' then current = current + 1 end
  end
  if not score then return end
  local row = call('HGET', K .. 'm:' .. v[i + 3], user .. ' ' .. session)
  local limit = v[i + 6]
  local max = limit ~= '' and limit or call('HGET', K .. 'lim', user) or v[i + 8]
  local held = v[i + 4] .. '|' .. max .. '|'
  if not row or sub(row, 1, #held) ~= held or sub(row, -#attributes) ~= attributes then return end
  if not areLive and tonumber(flat[2]) <= now then return nil, true end
  local expiresAt = now + tonumber(v[i + 5])
  if expiresAt > score then
    score = expiresAt
    local text = leaseText(K, score)
    call('ZADD', set, text, session)
    fileMarked(K, v[i + 3], user .. ' ' .. session, score, text)
    if session == '*' then noteMark(K, score) end
  end
  local startedAt, segment, segmentMs = match(row, '^([^|]*)|([^|]*)|([^|]*)|', #held + 1)
  return fmt('renewed|%d|%s|%s|%d|%s|%s', current, max, startedAt, math.ceil(score), segment, segmentMs)
end

-- Users of whom an item was not answered here: what follows of them comes after it, so that their order is kept.
local waiting

local function heartbeat(i)
  local v = ARGV
  local user = v[i + 1]
  if waiting[user] then return 'unknown' end
  local reply, hasExpired = renewUnchanged(v, i)
  if hasExpired then
    liveMembers(actOn(v[i], user, v[i + 2], v[i + 3], v[i + 4]))
    reply = renewUnchanged(v, i, true)
  end
  if reply then return reply end
  waiting[user] = true
  return 'unknown'
end

return function()
  waiting = {}
  return forEachItem(1, 9, heartbeat)
end
