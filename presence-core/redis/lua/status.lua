#!lua flags=no-writes
-- Whether users are live, and when they were last (P1, P3, P15).
-- ARGV, 1 an item: the key of the user's set.
-- Returns per item a number when the user is online: now * 1000 + sessions, of which a presence-only mark is none. Else a
--   text: lastSeenAt, '' never seen.
local live = '(' .. fmt('%d', now)

-- The reply on a user of whom some members' leases are over: by themselves they expired, or an extension covers them.
local function statusOf(key)
  local K = match(key, '^(.-}:)')
  local flat = call('ZRANGE', key, 0, -1, 'WITHSCORES')
  local online, sessions, lease = false, 0, nil
  for i = 1, #flat, 2 do
    lease = tonumber(flat[i + 1])
    if runsUntil(K, lease) > now then
      online = true
      if flat[i] ~= '*' then sessions = sessions + 1 end
    end
  end
  -- Expired and not swept yet: it was live until its expiry.
  return online and now * 1000 + sessions or fmt('%d', math.ceil(lease))
end

local replies = {}
for i = 1, #ARGV do
  local key = ARGV[i]
  -- A key of a wrong type tells nothing: nobody is live there, and nobody was seen.
  local members = undamaged(redis.pcall('ZCARD', key)) or 0
  if members == 0 then
    local K, user = match(key, '^(.-}:)u:(.*)$')
    mustRemember(K)
    replies[i] = undamaged(redis.pcall('ZSCORE', K .. 'seen', user)) or ''
  elseif call('ZCOUNT', key, live, '+inf') == members then
    replies[i] = now * 1000 + (call('ZSCORE', key, '*') and members - 1 or members)
  else
    replies[i] = statusOf(key)
  end
end
return replies
