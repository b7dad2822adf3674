-- The sessions that lapsed node generations held (P9).

-- Ends one of them unless it has meanwhile expired or moved.
local function endLost(act, generation, leaseAt)
  liveMembers(act)
  local member = memberOf(act, act.session)
  if not member then return end
  loadRows(act)
  local row = member.row
  if match(row.owner, '^s(.+)%.') ~= generation then return end
  -- In an extension a session may begin, or switch, after its node's lease was over.
  endSession(act, member, 'node_lost', math.max(leaseAt, row.startedAt + row.segmentMs))
  ended = ended + 1
  budget = budget - ENDED_COSTS
end

-- All sessions of one bucket that these generations held.
local function endLostIn(K, bucket, leaseAt)
  -- A key of a wrong type is passed over, as in sweepBucket.
  local flat = redis.pcall('HGETALL', K .. 'm:' .. bucket)
  budget = budget - #flat / 2
  for i = 1, #flat, 2 do
    local generation = match(flat[i + 1], '^s([^|]+)%.')
    if generation and leaseAt[generation] then
      local user, session = splitField(flat[i])
      pcall(endLost, actOn(K, user, session, bucket, ''), generation, leaseAt[generation])
    end
  end
end

-- 'generation=leaseAt ...' of those whose lease has lapsed.
local function lapsedGenerations(K, state)
  local lapsed = {}
  for field, value in pairs(state) do
    local generation = match(field, '^n:(.+)$')
    if generation and runsUntil(K, tonumber(value)) <= now then lapsed[#lapsed + 1] = generation .. '=' .. value end
  end
  return table.concat(lapsed, ' ')
end

-- One pass over all buckets ends the sessions of the generations named in the walk: none can be added to a lapsed one.
-- The walk ('next bucket|generation=leaseAt ...') is kept in the shard's state when the budget runs out.
-- Returns true when there is more to do.
local function endLostSessions(K, state)
  local nextBucket, names = match(state.walk or '', '^(%d+)|(.*)$')
  if not names then
    nextBucket, names = 0, lapsedGenerations(K, state)
    if names == '' then return false end
  end
  local leaseAt = {}
  for generation, at in string.gmatch(names, '(%S+)=(%S+)') do leaseAt[generation] = tonumber(at) end
  local b = tonumber(nextBucket)
  while b < buckets and budget > 0 do
    endLostIn(K, fmt('%d', b), leaseAt)
    b = b + 1
  end
  if b < buckets then
    call('HSET', K .. 'shard', 'walk', fmt('%d', b) .. '|' .. names)
    return true
  end
  call('HDEL', K .. 'shard', 'walk')
  for generation in pairs(leaseAt) do call('HDEL', K .. 'shard', 'n:' .. generation) end
  return false
end
