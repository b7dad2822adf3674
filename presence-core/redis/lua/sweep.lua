#!lua flags=allow-oom
-- Ends what has expired (P1, P15) and what lapsed nodes held (P9), within a budget of sessions looked at.
-- ARGV: least ms between two sweeps of a shard, budget, number of buckets; then one K an item.
-- Returns per item: 'ended|more|lagMs'; more = 1 when the budget ran out; lagMs = how long the oldest bucket was due.
local leastMs, budget, buckets = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local ENDED_COSTS = 10
local TOMBSTONES_MAX = 10000
local ended

local function split(field)
  return match(field, '^(%S+) (%S+)$')
end

-- Ends a lapsed generation's session unless it has meanwhile expired or moved.
local function endLost(K, bucket, user, session, generation, leaseAt)
  local list = liveMembers(K, bucket, user)
  local i = indexOf(list, session)
  if not i then return end
  loadRows(K, bucket, user, list)
  local r = list[i].row
  if match(r.owner, '^s(.+)%.') ~= generation then return end
  -- In an extension a session may begin, or switch, after its node's lease was over.
  finish(K, bucket, user, list, i, 'node_lost', math.max(leaseAt, r.startedAt + r.segmentMs))
  ended = ended + 1
  budget = budget - ENDED_COSTS
end

-- One pass over all buckets ends the sessions of the generations named in the walk: none can be added to a lapsed one.
-- The walk ('next bucket|generation=leaseAt ...') is kept in the shard's state when the budget runs out.
local function walk(K, state)
  local nextBucket, names = match(state.walk or '', '^(%d+)|(.*)$')
  if not names then
    local lapsed = {}
    for field, value in pairs(state) do
      local generation = match(field, '^n:(.+)$')
      if generation and runsUntil(K, tonumber(value)) <= now then lapsed[#lapsed + 1] = generation .. '=' .. value end
    end
    if #lapsed == 0 then return false end
    nextBucket, names = 0, table.concat(lapsed, ' ')
  end
  local leaseAt = {}
  for generation, at in string.gmatch(names, '(%S+)=(%S+)') do leaseAt[generation] = tonumber(at) end
  local b = tonumber(nextBucket)
  while b < buckets and budget > 0 do
    local flat = call('HGETALL', K .. 'm:' .. b)
    budget = budget - #flat / 2
    for i = 1, #flat, 2 do
      local generation = match(flat[i + 1], '^s([^|]+)%.')
      if generation and leaseAt[generation] then
        local user, session = split(flat[i])
        endLost(K, fmt('%d', b), user, session, generation, leaseAt[generation])
      end
    end
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

-- Looks at one bucket: ends its expired sessions and files it for the soonest expiry left.
local function look(K, bucket)
  local fields = call('HKEYS', K .. 'm:' .. bucket)
  budget = budget - #fields
  local soonest
  for i = 1, #fields do
    local user, session = split(fields[i])
    local score = tonumber(call('ZSCORE', K .. 'u:' .. user, session) or nil)
    if score and score <= now then
      local before = call('ZCARD', K .. 'u:' .. user)
      local left = liveMembers(K, bucket, user)
      ended = ended + before - #left
      budget = budget - ENDED_COSTS * (before - #left)
      local at = indexOf(left, session)
      score = at and left[at].score
    end
    if score and (not soonest or score < soonest) then soonest = score end
  end
  if soonest then
    call('ZADD', K .. 'due', fmt('%d', soonest), bucket)
  else
    call('ZREM', K .. 'due', bucket)
  end
end

local function sweep(K)
  ended = 0
  local flat = call('HGETALL', K .. 'shard')
  local state = {}
  for i = 1, #flat, 2 do state[flat[i]] = flat[i + 1] end
  if now - (tonumber(state.sweptAt) or 0) < leastMs then return '0|0|0' end
  extension(K)
  local more = walk(K, state)
  local lagMs = 0
  while not more do
    if budget <= 0 then more = true break end
    local due = call('ZRANGE', K .. 'due', '-inf', fmt('%d', now), 'BYSCORE', 'LIMIT', '0', '1', 'WITHSCORES')
    if #due == 0 then break end
    lagMs = math.max(lagMs, now - tonumber(due[2]))
    look(K, due[1])
  end
  call('ZREMRANGEBYSCORE', K .. 'tomb', '-inf', fmt('(%d', now * 10))
  call('ZREMRANGEBYRANK', K .. 'tomb', 0, -1 - TOMBSTONES_MAX)
  call('ZREMRANGEBYSCORE', K .. 'seen', '-inf', fmt('(%d', now - SEEN_TTL_MS))
  call('ZREMRANGEBYRANK', K .. 'seen', 0, -1 - SEEN_MAX)
  if not more then call('HSET', K .. 'shard', 'sweptAt', fmt('%d', now)) end
  return fmt('%d|%d|%d', ended, more and 1 or 0, lagMs)
end

local replies = {}
for i = 4, #ARGV do replies[#replies + 1] = sweep(ARGV[i]) end
return replies
