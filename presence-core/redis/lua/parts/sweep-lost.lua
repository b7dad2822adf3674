-- The sessions that lapsed node generations held (P9).

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

-- All sessions of one bucket that these generations held.
local function endLostIn(K, bucket, leaseAt)
  -- A key of a wrong type is passed over, as in sweepBucket.
  local flat = undamaged(redis.pcall('HGETALL', K .. 'm:' .. bucket)) or {}
  budget = budget - #flat / 2
  for i = 1, #flat, 2 do
    local generation = match(flat[i + 1], '^s([^|]+)%.')
    if generation and leaseAt[generation] then
      local user, session = splitField(flat[i])
      local isDone, problem = pcall(endLost, actOn(K, user, session, bucket, ''), generation, leaseAt[generation])
      if not isDone and not isDamage(problem) then error(failure(problem)) end
    end
  end
end

-- Generations whose lease has lapsed, and when it ended.
local function lapsedGenerations(K, state)
  local leaseAt = {}
  for field, value in pairs(state) do
    local generation = match(field, '^n:(.+)$')
    local lease = generation and tonumber(value)
    if lease and runsUntil(K, lease) <= now then leaseAt[generation] = math.ceil(lease) end
  end
  return leaseAt
end

-- One pass over all buckets ends the sessions of the generations named in the walk: none can be added to a lapsed one.
-- The walk ('next bucket|generation=leaseAt ...') is kept in the shard's state when the budget runs out. A generation
-- that an extension has revived since then is no longer part of it, also when it has lapsed again.
-- Returns true when there is more to do.
local function endLostSessions(K, state)
  local lapsed, b = lapsedGenerations(K, state), 0
  local leaseAt, nextBucket, names = {}, match(state.walk or '', '^(%d+)|(.*)$')
  for generation, at in string.gmatch(names or '', '(%S+)=(%S+)') do
    if lapsed[generation] == tonumber(at) then leaseAt[generation] = lapsed[generation] end
  end
  if next(leaseAt) then b = tonumber(nextBucket) else leaseAt = lapsed end
  while next(leaseAt) and b < buckets and budget > 0 do
    endLostIn(K, fmt('%d', b), leaseAt)
    b = b + 1
  end
  if next(leaseAt) and b < buckets then
    names = {}
    for generation, at in pairs(leaseAt) do names[#names + 1] = generation .. '=' .. fmt('%d', at) end
    call('HSET', K .. 'shard', 'walk', fmt('%d', b) .. '|' .. table.concat(names, ' '))
    return true
  end
  if names then call('HDEL', K .. 'shard', 'walk') end
  for generation in pairs(leaseAt) do call('HDEL', K .. 'shard', 'n:' .. generation) end
  local s = silenceOf(K)
  if s.beatAt and next(leaseAt) then endUnanswered(K, s, s.beatAt) end
  return false
end
