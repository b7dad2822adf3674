-- The sessions that lapsed node generations held (P9), in all shards of the home.

-- Ends one of them unless it has meanwhile expired or moved.
local function endLost(act, generation, leaseAt)
  liveMembers(act)
  local member = memberOf(act, act.session)
  if not member then return end
  loadRows(act)
  if match(member.row.owner, '^s(.+)%.') ~= generation then return end
  endSession(act, member, 'node_lost', leaseAt)
  ended = ended + 1
  budget = budget - ENDED_COSTS
end

-- Tells of a row by which of these generations it is held, if by any; also of what only looks so (endLost). Nearly always
-- one generation is lost, and most rows are of others.
local function heldBy(leaseAt)
  local one = next(leaseAt)
  if next(leaseAt, one) then
    return function(row)
      local generation = match(row, '^s([^|]+)%.')
      return leaseAt[generation or ''] and generation
    end
  end
  local find, owner = string.find, 's' .. one .. '.'
  return function(row) return find(row, owner, 1, true) == 1 and one end
end

-- All sessions of one bucket that these generations held.
local function endLostIn(K, bucket, leaseAt, generationOf)
  local flat = undamaged(redis.pcall('HGETALL', K .. 'm:' .. bucket)) or {}
  budget = budget - 1 - #flat / 2
  for i = 1, #flat, 2 do
    local generation = generationOf(flat[i + 1])
    if generation then
      local user, session = splitField(flat[i])
      if user then sparing(endLost, actOn(K, user, session, bucket, ''), generation, leaseAt[generation]) end
    end
  end
end

-- Generations whose lease has lapsed, and when it ended. A process of a former version takes a generation's lease away
-- once it has swept the shard that is the home: so the end is kept with the mark of those whose sessions are counted.
local function lapsedGenerations(state)
  local leaseAt = {}
  for field, value in pairs(state) do
    local kind, generation = match(field, '^([ng]):(.+)$')
    if kind == 'n' and tonumber(value) and runsUntil(H, tonumber(value)) <= now then
      leaseAt[generation] = math.ceil(tonumber(value))
    elseif kind == 'g' and not state['n:' .. generation] then
      leaseAt[generation] = value ~= '0' and tonumber(value) or now
    end
  end
  for generation, at in pairs(leaseAt) do
    local mark = state['g:' .. generation]
    if mark and mark ~= fmt('%d', at) then call('HSET', H .. 'shard', 'g:' .. generation, fmt('%d', at)) end
  end
  return leaseAt
end

-- Whether a shard may have sessions that these generations held: a count at zero is deleted (moveHeld), and what is no
-- count says nothing.
local function mayHold(K, generations)
  if #generations == 0 then return false end
  local counts = undamaged(redis.pcall('HMGET', K .. 'held', unpack(generations)))
  if not counts then return true end
  for i = 1, #generations do
    if counts[i] then return true end
  end
  return false
end

-- Ends what they held in one shard, from a bucket on. Returns the bucket to go on with, or nil when that is done.
local function walkShard(K, bucket, leaseAt, counted, others)
  local generationOf = heldBy(leaseAt)
  while bucket < buckets do
    budget = budget - 1
    if #others == 0 and not mayHold(K, counted) then break end
    if budget <= 0 then return bucket end
    endLostIn(K, fmt('%d', bucket), leaseAt, generationOf)
    bucket = bucket + 1
  end
  -- More were counted than there are, by processes of former versions that ended some.
  if bucket == buckets and #counted > 0 then undamaged(redis.pcall('HDEL', K .. 'held', unpack(counted))) end
  for i = 1, #others do
    -- Processes of former versions keep their leases in each shard, and file nothing for the sweep of a home.
    if K ~= H then call('HDEL', K .. 'shard', 'n:' .. others[i]) end
    call('ZADD', H .. 'sweep', 'LT', fmt('%d', now), K)
  end
end

-- One pass over all shards ends the sessions of the generations named in the walk: none can be added to a lapsed one.
-- Where the slice ends, the walk is kept in the state of the home ('shard|bucket|generation=leaseAt ...'). A generation
-- that an extension has revived since then is no longer part of it, also when it has lapsed again.
-- Returns true when there is more to do.
local function endLostSessions(state)
  local lapsed, shard, bucket = lapsedGenerations(state), 0, 0
  local leaseAt, counted, others = {}, {}, {}
  local shardText, bucketText, names = match(state.lost or '', '^(%d+)|(%d+)|(.*)$')
  for generation, at in string.gmatch(names or '', '(%S+)=(%S+)') do
    if lapsed[generation] == tonumber(at) then leaseAt[generation] = lapsed[generation] end
  end
  if next(leaseAt) then shard, bucket = tonumber(shardText), tonumber(bucketText) else leaseAt = lapsed end
  for generation in pairs(leaseAt) do
    local list = state['g:' .. generation] and counted or others
    list[#list + 1] = generation
  end
  while next(leaseAt) and shard < SHARDS_HERE do
    local stoppedAt = budget <= 0 and bucket or inShard(shardOf(H, shard), walkShard, bucket, leaseAt, counted, others)
    if stoppedAt then
      local parts = {}
      for generation, at in pairs(leaseAt) do parts[#parts + 1] = generation .. '=' .. fmt('%d', at) end
      local text = fmt('%d|%d|', shard, stoppedAt) .. table.concat(parts, ' ')
      call('HSET', H .. 'shard', 'lost', text)
      return true
    end
    shard, bucket = shard + 1, 0
  end
  if names then call('HDEL', H .. 'shard', 'lost') end
  for generation in pairs(leaseAt) do call('HDEL', H .. 'shard', 'n:' .. generation, 'g:' .. generation) end
  local s = silenceOf(H)
  if s.beatAt and next(leaseAt) then endUnanswered(H, s, s.beatAt) end
  -- Those that lapsed while this pass was under way are the next one's.
  for generation in pairs(lapsed) do
    if not leaseAt[generation] then return true end
  end
  return false
end
