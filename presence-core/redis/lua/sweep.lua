#!lua flags=allow-oom
-- One slice of a sweep over the shards of a home: ends what has expired (P1, P15) and what lapsed nodes held (P9), and says
-- which shards are to be counted anew (P12). Until the time in the state of the home (sweepAt: 'instant|1', 1 when a slice
-- left work) every call is passed over: one slice at a time, and behind each as much time for others as it took.
-- ARGV: H, ms between two sweeps, what a slice may cost, number of buckets.
-- Returns 'ended|more|lagMs|waitMs|shard shard ...'; more = 1 when there is work left, for which waitMs is to pass first,
-- less than 0 in a call that was passed over;
-- lagMs = how long the oldest had been due; shards to be counted. Then an error for each shard that could not be swept.
local TOMBSTONES_MAX = 10000
-- A slice grows to this many times its size at most: some 16 ms.
local LARGEST = 8
-- A shard that could not be swept is tried again after so long.
local AGAIN_MS = 1000
-- A shard in which there are sessions is looked at so often even if nothing is due.
local LOOK_MS = 300000
-- Shards that each sweep trims, in turn.
local TRIMMED_AT_ONCE = 8

-- Drops tombstones (P5) and instants of last seen (P15) that are over, or too many.
local function trim(K)
  if call('EXISTS', K .. 'tomb', K .. 'seen') == 0 then return end
  call('ZREMRANGEBYSCORE', K .. 'tomb', '-inf', fmt('(%d', now * 10))
  call('ZREMRANGEBYRANK', K .. 'tomb', 0, -1 - TOMBSTONES_MAX)
  call('ZREMRANGEBYSCORE', K .. 'seen', '-inf', fmt('(%d', now - SEEN_TTL_MS))
  call('ZREMRANGEBYRANK', K .. 'seen', 0, -1 - SEEN_MAX)
end

-- Trims some shards from one on. Returns the one to go on with.
local function trimSome(first)
  for i = 1, math.min(TRIMMED_AT_ONCE, SHARDS_HERE) do
    first = first < SHARDS_HERE and first or 0
    sparing(trim, shardOf(H, first))
    first = first + 1
  end
  return first
end

-- When something in the shard may be due again.
local function nextLookAt(K)
  local at = nextTurnAt(K)
  local soon = call('ZRANGE', K .. 'soon', '0', '0', 'WITHSCORES')[2]
  local due = call('ZRANGE', K .. 'due', '0', '0', 'WITHSCORES')[2]
  if not soon and not due then return at end
  return math.min(at, now + LOOK_MS, tonumber(soon or due), tonumber(due or soon))
end

-- Sweeps one shard; one with work left stays due.
local function visit(K)
  budget = budget - VISIT_COSTS
  local v = call('HMGET', K .. 'shard', 'step', 'recount', 'recountedIn')
  if bringBack(K, v[1]) or sweepDue(K, 'soon', sweepSession) or sweepDue(K, 'due', sweepBucket) then return end
  local counts = wantsRecount(K, v[2], v[3])
  if counts then toCount[#toCount + 1] = fmt('%d', numberOf(K)) end
  call('ZADD', H .. 'sweep', fmt('%d', counts and now + 1 or math.max(now + 1, nextLookAt(K))), K)
end

-- Sweeps the shards in which something is due. Returns whether there is work left.
local function sweepShards()
  while budget > 0 do
    local K = call('ZRANGE', H .. 'sweep', '-inf', fmt('%d', now), 'BYSCORE', 'LIMIT', '0', '1')[1]
    if not K then return false end
    local _, hasFailed = inShard(K, visit)
    if hasFailed then call('ZADD', H .. 'sweep', fmt('%d', now + AGAIN_MS), K) end
  end
  return true
end

-- Shards of which it is not known when something is due, as in a new deployment.
local function fileMissing()
  local known = undamaged(redis.pcall('ZCARD', H .. 'sweep'))
  if not known then call('UNLINK', H .. 'sweep') end
  if known == SHARDS_HERE then return end
  for i = 0, SHARDS_HERE - 1 do call('ZADD', H .. 'sweep', 'NX', fmt('%d', now), shardOf(H, i)) end
end

local function sweep()
  beginSlice()
  local openAt, isLeft = match(call('HGET', H .. 'shard', 'sweepAt') or '', '^(%d+)|(%d)$')
  if openAt and now < tonumber(openAt) and openAt - now <= STEP_MIN_MS + gapMs then
    return { fmt('0|%s|0|%d|', isLeft, now - openAt) }
  end
  local state = {}
  local flat = call('HGETALL', H .. 'shard')
  for i = 1, #flat, 2 do state[flat[i]] = flat[i + 1] end
  noticeStep(state)
  silenceOf(H)
  fileMissing()
  -- Whoever comes late does more, so that others still have half of the server, and a busy process ends as much.
  local lateMs = isLeft == '1' and now - openAt or 0
  local size = slice * math.min(LARGEST, 1 + math.max(0, lateMs) * 1000 / (2 * slice))
  -- What expired does not wait for what was lost, nor that for this.
  local half = size / 2
  budget = half
  local more = sweepShards()
  local costs = half - budget
  budget = math.max(budget, 0) + half
  costs = costs + budget
  local moreLost = endLostSessions(state)
  if more then more = sweepShards() end
  more = more or moreLost
  -- Functions have no clock that goes on while they run.
  local tookMs = math.ceil((costs - budget) / 1000)
  call('HSET', H .. 'shard', 'sweepAt', fmt('%d|%d', now + (more and 2 * tookMs or gapMs), more and 1 or 0),
    'trimmed', fmt('%d', trimSome(tonumber(state.trimmed or 0))))
  local head = fmt('%d|%d|%d|%d|', ended, more and 1 or 0, lagMs, tookMs) .. table.concat(toCount, ' ')
  return { head, unpack(failures) }
end

return function()
  local isDone, result = pcall(sweep)
  return isDone and result or { failure(result) }
end
