#!lua flags=allow-oom
-- Ends members of users of whom no row is left, so that no walk over the rows finds them (P12).
-- ARGV, 3 an item: K, user, bucket.
-- Returns per item how much was mended.
local function mend(act)
  local ids = call('ZRANGE', act.set, '0', '-1')
  local fields, rows = {}, {}
  for i = 1, #ids do fields[i] = act.user .. ' ' .. ids[i] end
  if #ids == 0 then return 0 end
  local texts = call('HMGET', act.rows, unpack(fields))
  for i = 1, #ids do rows[ids[i]] = texts[i] or nil end
  -- Counts are made of rows by the recount that found them.
  act.isUncounted = true
  local _, mended = mendUser(act, rows)
  return mended
end

return function()
  return forEachItem(1, 3, function(i)
    return mend(actOn(ARGV[i], ARGV[i + 1], '', ARGV[i + 2], ''))
  end)
end
