#!lua flags=no-writes
-- The live sessions of users and their limit override (P1, P6).
-- ARGV, 3 an item: K, user, bucket.
-- Returns per item an array: the override or '', then a line '|expiresAt|session|row' per live session.
local replies = {}
for i = 1, #ARGV, 3 do
  local K, user = ARGV[i], ARGV[i + 1]
  local out = { call('HGET', K .. 'lim', user) or '' }
  local flat = call('ZRANGE', K .. 'u:' .. user, '(' .. fmt('%d', now), '+inf', 'BYSCORE', 'WITHSCORES')
  local fields = {}
  for j = 1, #flat, 2 do fields[#fields + 1] = user .. ' ' .. flat[j] end
  if #fields > 0 then
    local rows = call('HMGET', K .. 'm:' .. ARGV[i + 2], unpack(fields))
    for j = 1, #rows do out[#out + 1] = '|' .. flat[j * 2] .. '|' .. flat[j * 2 - 1] .. '|' .. rows[j] end
  end
  replies[#replies + 1] = out
end
return replies
