-- Stands before heartbeat.lua, whose ARGV it reads: heartbeats of a session that stays as it is, as nearly all are. Only
-- their leases are written (P4). A call of nothing else ends here, before the functions of the rest are made.
-- The busiest way of this verb, so it takes no record apart and makes none.
local v, total = ARGV, #ARGV
local ITEM = 9

-- The reply to the item at i; or nil when its session is not live here or its row would change; or nil and true when
-- members of the user may have expired, which end first; areLive: they have been ended. A row ends as the attributes are
-- given, so that neither is taken apart; a member has no tombstone.
local function renewUnchanged(i, areLive)
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
  if not row or string.sub(row, 1, #held) ~= held or string.sub(row, -#attributes) ~= attributes then return end
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

local replies, n, at = {}, 0, 1
-- An error stops here too, and is met again below, where it is its item's own.
pcall(function()
  while at <= total do
    local reply = renewUnchanged(at)
    if not reply then return end
    n = n + 1
    replies[n] = reply
    at = at + ITEM
  end
end)
if at > total then return replies end
