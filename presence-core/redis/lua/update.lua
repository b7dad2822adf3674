#!lua
-- Changes what is known of a live session (P11): a switch of stream is one entry.
-- ARGV, 6 an item: K, user, session, bucket, owner ('' unchecked), '|stream|device type|country|state|device|meta'
--   ('' keeps what is known).
-- Returns per item: 'updated|segment|startedAt|segmentStartedAt - startedAt', or 'unchanged' with the same; 'gone',
--   'moved', 'fenced', 'ended|reason'.
local function update(act, given)
  local member, miss = findOwned(act)
  if not member then return miss end
  local changed = applyAttributes(act, member, given)
  if changed then saveRow(act, member) end
  local row = member.row
  return (changed and 'updated|' or 'unchanged|') .. row.segment .. '|' .. row.startedAt .. '|' .. row.segmentMs
end

return function()
  return forEachItem(1, 6, function(i)
    return update(actOn(unpack(ARGV, i, i + 4)), parseAttributes(ARGV[i + 5]))
  end)
end
