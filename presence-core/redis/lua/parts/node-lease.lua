-- For join, beat and quit: the epochs of a home's shards (P10) and the leases of node generations there (P9).

-- Run id of the server that runs this, '' where a server hides it. Asked here and not by the caller: between a
-- question and a beat another master may take over, and the epoch would move back and forth.
local run
local function askRun()
  local info = redis.pcall('INFO', 'server')
  run = type(info) == 'string' and match(info, 'run_id:(%w+)') or ''
end

-- '|generation|generation|': those that joined so far.
local function generationsOf(H)
  local fields, list = undamaged(redis.pcall('HKEYS', H .. 'shard')) or {}, '|'
  for i = 1, #fields do
    local generation = match(fields[i], '^n:(.+)$')
    if generation then list = list .. generation .. '|' end
  end
  return list
end

-- The epoch of a shard; a new one when there is none, when another master process serves it than before, or isLost.
-- A state of a wrong type is lost. formers: generations that joined so far.
local function ensureEpoch(K, formers, isLost)
  local v = undamaged(redis.pcall('HMGET', K .. 'shard', 'epoch', 'run'))
  if not v then
    call('UNLINK', K .. 'shard')
    v = {}
  end
  local epoch, old = v[1], v[2]
  if not epoch or isLost or (run ~= '' and old and old ~= run) then
    epoch = fmt('%d', math.max(now, (tonumber(epoch) or 0) + 1))
    call('HSET', K .. 'shard', 'epoch', epoch, 'formers', formers)
    -- P11: sequences go on over epochs as long as the rows that hold them are kept.
    local newest = undamaged(redis.pcall('XREVRANGE', K .. 'log', '+', '-', 'COUNT', '1'))
    local last = newest and newest[1]
    if last then call('XADD', K .. 'log', epoch .. '-' .. fmt('%d', match(last[1], '%-(%d+)$') + 1), 'c', 'e') end
  end
  if run ~= '' and old ~= run then call('HSET', K .. 'shard', 'run', run) end
  return epoch
end

-- The epochs of the home and of so many of its shards from `first` on, in this order. When that of the home changes, all
-- change in the same step: whoever joins afterwards belongs to the new one in each shard.
local function ensureEpochs(H, first, count)
  local v = undamaged(redis.pcall('HMGET', H .. 'shard', 'epoch', 'run'))
  local isLost = not v or not v[1]
  if isLost or run ~= '' and v[2] ~= run then
    local formers = generationsOf(H)
    -- Until when the home has what was written there, by the last join or beat that it knows of.
    local keptAt = v and call('HGET', H .. 'shard', 'beatAt') or '0'
    for i = 0, SHARDS_HERE - 1 do ensureEpoch(shardOf(H, i), formers, isLost) end
    call('HSET', H .. 'shard', 'keptAt', isLost and '0' or keptAt)
    if isLost then call('HSET', H .. 'shard', 'marks', fmt('%d', now + LEASE_MAX_MS)) end
  end
  local epochs, formers = { call('HGET', H .. 'shard', 'epoch') }, nil
  for i = first, math.min(first + count, SHARDS_HERE) - 1 do
    local K = shardOf(H, i)
    local state = undamaged(redis.pcall('HMGET', K .. 'shard', 'epoch', 'run'))
    local epoch = state and (run == '' or state[2] == run) and state[1]
    if not epoch then
      formers = formers or generationsOf(H)
      epoch = ensureEpoch(K, formers)
      call('HSET', H .. 'shard', 'keptAt', '0')
    end
    epochs[#epochs + 1] = epoch
  end
  return epochs
end

-- Takes (isNew) or renews a generation's lease, unless it has lapsed. Returns whether it did.
local function renewNodeLease(H, node, leaseMs, isNew)
  local s = silenceOf(H)
  local lease = tonumber(call('HGET', H .. 'shard', 'n:' .. node) or nil)
  if lease and runsUntil(H, lease) <= now or not lease and not isNew then return false end
  local at = now + leaseMs
  local text = leaseText(H, at)
  -- Somebody new neither answers a silence nor ends it, while there is a witness who can.
  local lasts = s.beatAt and not endUnanswered(H, s, s.beatAt)
  if lasts then text = markedLease(at, markOf(s.next)) end
  if not lease or at > lease then call('HSET', H .. 'shard', 'n:' .. node, text) end
  -- Its sessions are counted in each shard (moveHeld), as those of former versions are not.
  if not lease then call('HSET', H .. 'shard', 'g:' .. node, '0') end
  if not lasts then call('HSET', H .. 'shard', 'beatAt', fmt('%d', now), 'leaseMs', leaseMs) end
  return true
end

-- Gives a lease up. The last one leaves no silence.
local function giveUpNodeLease(H, node)
  local s = silenceOf(H)
  local v = call('HMGET', H .. 'shard', 'n:' .. node, 'beatAt')
  local lease, beatAt = tonumber(v[1]), tonumber(v[2])
  if lease then call('HSET', H .. 'shard', 'n:' .. node, markedLease(math.min(math.ceil(lease), now), GIVEN_UP)) end
  if beatAt then endUnanswered(H, s, beatAt) end
end

-- 'generation generation ...': those whose leases run.
local function runningGenerations(H)
  local flat, running = call('HGETALL', H .. 'shard'), {}
  for i = 1, #flat, 2 do
    local generation = match(flat[i], '^n:(.+)$')
    local lease = generation and tonumber(flat[i + 1])
    if lease and runsUntil(H, lease) > now then running[#running + 1] = generation end
  end
  return table.concat(running, ' ')
end

-- What join and beat answer: 'alive|now|run id of the server|generations whose leases run|until when the home had all
-- when its epoch, or that of one of its shards, began|until when holders without a socket are due again, as was told' or
-- 'fenced|...'; then the epochs of the home and of the shards asked for.
local function joinOrBeat(isNew)
  local H, node, leaseMs = ARGV[1], ARGV[2], tonumber(ARGV[3])
  -- A generation speaks for itself, whichever its store handle joined under last.
  caller = node
  askRun()
  local reply = ensureEpochs(H, tonumber(ARGV[4]), tonumber(ARGV[5]))
  -- Marks of before are over then.
  if isNew then call('HSETNX', H .. 'shard', 'marks', fmt('%d', now + LEASE_MAX_MS)) end
  local accepted = renewNodeLease(H, node, leaseMs, isNew)
  local v = call('HMGET', H .. 'shard', 'keptAt', 'returns')
  local returns = math.max(tonumber(v[2]) or 0, tonumber(ARGV[6]))
  if returns > (tonumber(v[2]) or 0) then call('HSET', H .. 'shard', 'returns', fmt('%d', returns)) end
  local head = (accepted and 'alive|' or 'fenced|') .. fmt('%d', now) .. '|' .. run .. '|' .. runningGenerations(H) .. '|'
    .. (v[1] or '') .. '|' .. fmt('%d', returns)
  table.insert(reply, 1, head)
  return reply
end
