#!lua flags=no-writes
-- The live sessions of users and their limit override (P1, P6). One without a row is left out: nothing is known of it.
-- ARGV, 3 an item: K, user, bucket.
-- Returns per item an array: the override or '', then a line '|expiresAt|session|row' per live session.

local function addSessions(out, K, set, rowsKey, user)
  local flat = call('ZRANGE', set, '0', '-1', 'WITHSCORES')
  local fields, live = {}, {}
  for j = 1, #flat, 2 do
    local expiresAt = runsUntil(K, tonumber(flat[j + 1]))
    if expiresAt > now then
      fields[#fields + 1] = user .. ' ' .. flat[j]
      live[#live + 1] = '|' .. fmt('%d', expiresAt) .. '|' .. flat[j] .. '|'
    end
  end
  if #fields == 0 then return mustRemember(K) end
  mustRememberHome(K)
  local rows = call('HMGET', rowsKey, unpack(fields))
  for j = 1, #rows do
    if rows[j] then out[#out + 1] = live[j] .. rows[j] end
  end
end

return function()
  return forEachItem(1, 3, function(i)
    local K, user = ARGV[i], ARGV[i + 1]
    -- A key of a wrong type holds no session or override, and fails no other user's read.
    local out = { undamaged(redis.pcall('HGET', K .. 'lim', user)) or '' }
    local isDone, problem = pcall(addSessions, out, K, K .. 'u:' .. user, K .. 'm:' .. ARGV[i + 2], user)
    if not isDone and not isDamage(problem) then error(failure(problem)) end
    return out
  end)
end
