#!lua flags=no-writes
-- Whether users are live, and when they were last (P1, P3, P15).
-- ARGV, 1 an item: the key of the user's set.
-- Returns per item a number when the user is online: of sessions, a presence-only mark is none. Else a text: lastSeenAt,
--   '' never seen.
local replies = {}
for i = 1, #ARGV do
  local key = ARGV[i]
  local flat = call('ZRANGE', key, 0, -1, 'WITHSCORES')
  local online, sessions, K, user, lease = false, 0
  for j = 1, #flat, 2 do
    lease = tonumber(flat[j + 1])
    if lease <= now then K = K or match(key, '^(.-}:)') end
    if lease > now or runsUntil(K, lease) > now then
      online = true
      if flat[j] ~= '*' then sessions = sessions + 1 end
    end
  end
  if online then
    replies[i] = sessions
  elseif lease then
    -- Expired and not swept yet: it was live until its expiry.
    replies[i] = fmt('%d', math.ceil(lease))
  else
    K, user = match(key, '^(.-}:)u:(.*)$')
    replies[i] = call('ZSCORE', K .. 'seen', user) or ''
  end
end
return replies
