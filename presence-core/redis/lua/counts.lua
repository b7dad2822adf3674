#!lua flags=no-writes
-- Counts as stored: sessions * 1e9 + users, per shard (P12).
-- ARGV, 2 an item: K, field.
-- Returns per item the number as text, '0' where there is none.
return function()
  local replies = {}
  for i = 1, #ARGV, 2 do
    local K = ARGV[i]
    local count = call('HGET', K .. 'n', ARGV[i + 1])
    if count then mustRememberHome(K) else mustRemember(K) end
    replies[#replies + 1] = count or '0'
  end
  return replies
end
