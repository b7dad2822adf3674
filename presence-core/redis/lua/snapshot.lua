#!lua flags=no-writes
-- Sessions as of a place in the shard's log (P11): of some buckets, or of one user. One that has expired and was not
-- swept yet is among them: its close comes in the log.
-- ARGV: K, user ('' for all), then buckets.
-- Returns the sequence of the shard's last log entry (0 none), then a line 'user|expiresAt|session|row' per session.
local K, only = ARGV[1], ARGV[2]
local last = call('XREVRANGE', K .. 'log', '+', '-', 'COUNT', '1')
local out = { last[1] and fmt('%d', match(last[1][1], '%-(%d+)$') + 1) or '0' }
for i = 3, #ARGV do
  -- A key of a wrong type holds no session.
  local flat = undamaged(redis.pcall('HGETALL', K .. 'm:' .. ARGV[i])) or {}
  for j = 1, #flat, 2 do
    local user, session = match(flat[j], '^(%S+) (%S+)$')
    if only == '' or user == only then
      local score = undamaged(redis.pcall('ZSCORE', K .. 'u:' .. user, session))
      if score then
        out[#out + 1] = user .. '|' .. fmt('%d', runsUntil(K, tonumber(score))) .. '|' .. session .. '|' .. flat[j + 1]
      end
    end
  end
end
return { out }
