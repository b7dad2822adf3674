-- The clock stepped back (P2): what was set before lies ahead by the step, and would hold slots until the clock has
-- caught up. Seen by the gate of sweeps, which lies ahead too.
local STEP_MIN_MS = 5000

-- Node leases at once: the nodes that live beat within it.
local function bringNodesBack(state)
  local most = now + (tonumber(state.leaseMs) or LEASE_MAX_MS)
  for field, value in pairs(state) do
    if string.sub(field, 1, 2) == 'n:' and tonumber(value) > most then
      state[field] = fmt('%d', most)
      call('HSET', H .. 'shard', field, state[field])
    end
  end
  -- An answered silence of that time covers leases which run on anyway; and nobody has been silent since the step.
  call('HDEL', H .. 'shard', 'chain', 'until')
  if (tonumber(state.beatAt) or 0) > now then call('HSET', H .. 'shard', 'beatAt', fmt('%d', now)) end
end

-- Has all shards bring their sessions back ('next bucket|step in ms' in the state of each).
local function noticeStep(state)
  local aheadMs = tonumber(match(state.sweepAt or '', '^%d+') or 0) - now
  if aheadMs <= STEP_MIN_MS + gapMs then return end
  bringNodesBack(state)
  for i = 0, SHARDS_HERE - 1 do
    local K = shardOf(H, i)
    local former = match(call('HGET', K .. 'shard', 'step') or '', '|(%d+)$') or 0
    call('HSET', K .. 'shard', 'step', '0|' .. fmt('%d', aheadMs + former))
    call('ZADD', H .. 'sweep', fmt('%d', now), K)
  end
end

-- Sessions of a bucket whose leases lie further ahead than one that was set after the step can. Keys of a wrong type are
-- passed over, as in sweepBucket.
local function bringBucketBack(K, bucket, stepMs)
  local fields = undamaged(redis.pcall('HKEYS', K .. 'm:' .. bucket)) or {}
  budget = budget - 1 - LOOK_COSTS * #fields
  local soonest
  for i = 1, #fields do
    local user, session = splitField(fields[i])
    local set = user and K .. 'u:' .. user
    local score = set and tonumber(undamaged(redis.pcall('ZSCORE', set, session)) or nil)
    if score and score > now + LEASE_MAX_MS then
      -- Whoever holds it renewed it in vain since the step, and is given time to do so again.
      score = math.max(math.ceil(score) - stepMs, now + STALL_GRACE_MS)
      call('ZADD', set, fmt('%d', score), session)
      if not soonest or score < soonest then soonest = score end
    end
  end
  if soonest then call('ZADD', K .. 'due', 'LT', fmt('%d', soonest), bucket) end
end

-- Goes on with that in one shard. Returns true when there is more to do.
local function bringBack(K, step)
  local bucket, stepMs = match(step or '', '^(%d+)|(%d+)$')
  if not stepMs then return false end
  local b = tonumber(bucket)
  while b < buckets and budget > 0 do
    bringBucketBack(K, fmt('%d', b), tonumber(stepMs))
    b = b + 1
  end
  if b < buckets then
    call('HSET', K .. 'shard', 'step', fmt('%d', b) .. '|' .. stepMs)
    return true
  end
  call('HDEL', K .. 'shard', 'step')
  return false
end
