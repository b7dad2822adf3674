#!lua flags=no-writes
-- Whether users are live, and when they were last (P1, P3, P15).
-- ARGV, 2 an item: K, user.
-- Returns per item: 'members|sessions|lastSeenAt' ('' never seen; presence-only marks are members, not sessions).
local replies = {}
local live = '(' .. fmt('%d', now)
for i = 1, #ARGV, 2 do
  local key = ARGV[i] .. 'u:' .. ARGV[i + 1]
  local ids = call('ZRANGE', key, live, '+inf', 'BYSCORE')
  local sessions = #ids
  for j = 1, #ids do
    if ids[j] == '*' then sessions = sessions - 1 end
  end
  local seen = ''
  if #ids == 0 then
    -- Expired and not swept yet: it was live until its expiry.
    seen = call('ZRANGE', key, 0, 0, 'REV', 'WITHSCORES')[2] or call('ZSCORE', ARGV[i] .. 'seen', ARGV[i + 1]) or ''
  end
  replies[#replies + 1] = #ids .. '|' .. sessions .. '|' .. seen
end
return replies
