#!lua flags=no-writes
-- The live sessions of users and their limit override (P1, P6).
-- ARGV, 3 an item: K, user, bucket.
-- Returns per item an array: the override or '', then a line '|expiresAt|session|row' per live session.
local replies = {}
for i = 1, #ARGV, 3 do
  local K, user = ARGV[i], ARGV[i + 1]
  local out = { call('HGET', K .. 'lim', user) or '' }
  local flat = call('ZRANGE', K .. 'u:' .. user, 0, -1, 'WITHSCORES')
  local fields, live = {}, {}
  for j = 1, #flat, 2 do
    local expiresAt = runsUntil(K, tonumber(flat[j + 1]))
    if expiresAt > now then
      fields[#fields + 1] = user .. ' ' .. flat[j]
      live[#live + 1] = '|' .. fmt('%d', expiresAt) .. '|' .. flat[j] .. '|'
    end
  end
  if #fields > 0 then
    local rows = call('HMGET', K .. 'm:' .. ARGV[i + 2], unpack(fields))
    for j = 1, #rows do out[#out + 1] = live[j] .. rows[j] end
  end
  replies[#replies + 1] = out
end
return replies
