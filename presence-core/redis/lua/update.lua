-- Changes what is known of a live session (P11): a switch of stream is one entry.
-- ARGV, 11 an item: K, user, session, bucket, owner ('' unchecked), stream, device type, country, state, device, meta.
-- Returns per item: 'updated|segment|startedAt|segmentStartedAt - startedAt', or 'unchanged' with the same; 'gone',
--   'moved', 'fenced', 'ended|reason'.
local function update(K, user, session, bucket, owner, ...)
  local list, i = find(K, user, session, bucket, owner)
  if not list then return i end
  local m = table.remove(list, i)
  local changed = change(K, user, m, list, ...)
  if changed then saveRow(K, bucket, user, session, m.row) end
  local r = m.row
  return (changed and 'updated|' or 'unchanged|') .. r.segment .. '|' .. r.startedAt .. '|' .. r.segmentMs
end

local replies = {}
for i = 1, #ARGV, 11 do
  replies[#replies + 1] = update(unpack(ARGV, i, i + 10))
end
return replies
