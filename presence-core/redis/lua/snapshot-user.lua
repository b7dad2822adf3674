#!lua flags=no-writes
-- Sessions of users as of a place in the shard's log (P11).
-- ARGV, 3 an item: K, user, bucket.
-- Returns per item the sequence of the shard's last log entry, then a line 'user|expiresAt|session|row' for each session.
return function()
  return forEachItem(1, 3, function(i)
    local K, user = ARGV[i], ARGV[i + 1]
    mustRemember(K)
    local out, fields = { lastSequence(K) }, {}
    -- A key of a wrong type holds no session.
    local flat = undamaged(redis.pcall('ZRANGE', K .. 'u:' .. user, 0, -1, 'WITHSCORES')) or {}
    for j = 1, #flat, 2 do fields[#fields + 1] = user .. ' ' .. flat[j] end
    local rows = #fields > 0 and undamaged(redis.pcall('HMGET', K .. 'm:' .. ARGV[i + 2], unpack(fields))) or {}
    for j = 1, #rows do
      if rows[j] then
        out[#out + 1] = user .. '|' .. fmt('%d', runsUntil(K, tonumber(flat[2 * j]))) .. '|' .. flat[2 * j - 1] .. '|' .. rows[j]
      end
    end
    return out
  end)
end
