#!lua flags=no-writes
-- Whether users are live, and when they were last (P1, P3, P15).
-- ARGV, 1 an item: the key of the user's set, all of shards of one home.
-- Returns per item a number when the user is online: now * 1000 + sessions, of which a presence-only mark is none. Else a
--   text: lastSeenAt, '' never seen.
local function shardOfKey(key)
  return match(key, '^(.-}:)')
end

-- Whether leases may be extended now. Where that cannot be read, they may.
local function mayBeExtended(K)
  local isRead, s = pcall(silenceOf, K)
  if not isRead and not isDamage(s) then error(failure(s)) end
  return not isRead or s.till > now
end

-- Whether presence-only marks may run in any shard of the home (leases.lua). Where that cannot be read, they may.
local function marksMayRun(K)
  local till = undamaged(redis.pcall('HGET', homeOf(K) .. 'shard', 'marks'))
  return not till or tonumber(till) > now
end

-- The reply on a user of whom no lease runs by itself, or while an extension may cover some.
local function statusOf(key)
  local K = shardOfKey(key)
  -- A key of a wrong type tells nothing: nobody is live there, and nobody was seen.
  local flat = undamaged(redis.pcall('ZRANGE', key, '0', '-1', 'WITHSCORES')) or {}
  if #flat == 0 then
    mustRemember(K)
    return undamaged(redis.pcall('ZSCORE', K .. 'seen', string.sub(key, #K + 3))) or ''
  end
  local online, sessions, lease = false, 0, nil
  for i = 1, #flat, 2 do
    lease = tonumber(flat[i + 1])
    if runsUntil(K, lease) > now then
      online = true
      if flat[i] ~= '*' then sessions = sessions + 1 end
    end
  end
  -- Expired and not swept yet: it was live until its expiry.
  return online and now * 1000 + sessions or fmt('%d', math.ceil(lease))
end

local live, replies, i, total, isPlain, mayBeMarked

-- The replies from the i-th on, until one cannot be read.
local function tell()
  local ARGV, call, replies, nowThousand = ARGV, call, replies, now * 1000
  while i <= total do
    local key = ARGV[i]
    local sessions = isPlain and call('ZCOUNT', key, live, '+inf') or 0
    if sessions > 0 then
      local mark = mayBeMarked and call('ZSCORE', key, '*')
      replies[i] = nowThousand + (mark and tonumber(mark) > now and sessions - 1 or sessions)
    else
      replies[i] = statusOf(key)
    end
    i = i + 1
  end
end

return function()
  live, replies, i, total, isPlain, mayBeMarked = '(' .. nowText, {}, 1, #ARGV, false, true
  if total > 0 then
    local K = shardOfKey(ARGV[1])
    mustRememberHome(K)
    isPlain, mayBeMarked = not mayBeExtended(K), marksMayRun(K)
  end
  while i <= total do
    local isDone, problem = pcall(tell)
    if not isDone then
      if not isDamage(problem) then error(failure(problem)) end
      replies[i] = statusOf(ARGV[i])
      i = i + 1
    end
  end
  return replies
end
