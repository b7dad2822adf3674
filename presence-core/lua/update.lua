-- Changes what is known of a live session (P11): a switch of stream is one entry.
-- ARGV, 11 an item: K, user, session, bucket, owner ('' unchecked), stream, device type, country, state, device, meta.
-- Returns per item: 'updated', 'unchanged', 'gone', 'moved', 'fenced', 'ended|reason'.
local function update(K, user, session, bucket, owner, ...)
  local list, i = find(K, user, session, bucket, owner)
  if not list then return i end
  local m = table.remove(list, i)
  if not change(K, user, m, list, ...) then return 'unchanged' end
  saveRow(K, bucket, user, session, m.row)
  return 'updated'
end

local replies = {}
for i = 1, #ARGV, 11 do
  replies[#replies + 1] = update(unpack(ARGV, i, i + 10))
end
return replies
