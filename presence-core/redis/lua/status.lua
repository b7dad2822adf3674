#!lua flags=no-writes
-- Whether users are live, and when they were last (P1, P3, P15).
-- ARGV, 1 an item: the key of the user's set.
-- Returns per item a number when the user is online: now * 1000 + sessions, of which a presence-only mark is none. Else a
--   text: lastSeenAt, '' never seen.
local live = '(' .. fmt('%d', now)
local replies = {}
for i = 1, #ARGV do
  local key = ARGV[i]
  -- An error of a key of a wrong type is a table: nobody is live there.
  local members = redis.pcall('ZCOUNT', key, live, '+inf')
  if type(members) ~= 'number' then
    replies[i] = ''
  elseif members > 0 then
    local mark = call('ZSCORE', key, '*')
    replies[i] = now * 1000 + (mark and tonumber(mark) > now and members - 1 or members)
  else
    local K, user = match(key, '^(.-}:)u:(.*)$')
    -- Expired and not swept yet: it was live until its expiry.
    replies[i] = call('ZRANGE', key, 0, 0, 'REV', 'WITHSCORES')[2] or call('ZSCORE', K .. 'seen', user) or ''
  end
end
return replies
