-- Stands before open.lua, whose ARGV it reads: heartbeats of a session that stays as it is, as nearly all are. Only
-- their leases are written (P4). A call of nothing else ends here, before the functions of `open` are made.
-- The busiest way of this verb, so it takes no record apart and makes none.
local v, total = ARGV, #ARGV

local function maxOf(K, user, limit, default)
  return limit ~= '' and limit or call('HGET', K .. 'lim', user) or default
end

-- The reply to the item at i, or nil when it is no heartbeat, its session is not live, another member has expired, or
-- its row would change. A row ends as the attributes are given, so that neither is taken apart; a member has no tombstone.
local function renewUnchanged(i)
  if v[i + 9] ~= 'b' then return end
  local K, user, session, attributes = v[i], v[i + 1], v[i + 2], v[i + 11]
  local set = K .. 'u:' .. user
  local flat = call('ZRANGE', set, 0, -1, 'WITHSCORES')
  local score, current = nil, 0
  for j = 1, #flat, 2 do
    if flat[j] == session then score = tonumber(flat[j + 1]) end
    if flat[j] ~= '*' then current = current + 1 end
  end
  if not score or tonumber(flat[2]) <= now then return end
  local row = call('HGET', K .. 'm:' .. v[i + 3], user .. ' ' .. session)
  local max = maxOf(K, user, v[i + 6], v[i + 12])
  local held = v[i + 4] .. '|' .. max .. '|'
  if not row or string.sub(row, 1, #held) ~= held or string.sub(row, -#attributes) ~= attributes then return end
  local expiresAt = now + tonumber(v[i + 5])
  if expiresAt > score then
    score = expiresAt
    call('ZADD', set, leaseText(K, score), session)
  end
  local startedAt, segment, segmentMs = match(row, '^([^|]*)|([^|]*)|([^|]*)|', #held + 1)
  return { fmt('renewed|%d|%s|%s|%d|%s|%s', current, max, startedAt, math.ceil(score), segment, segmentMs) }
end

local replies, at = {}, 1
while at <= total do
  local reply = renewUnchanged(at)
  if not reply then break end
  replies[#replies + 1] = reply
  at = at + 13
end
if at > total then return replies end
