-- Stands before join, beat and quit: the epoch of a shard (P10) and the leases of node generations there (P9).

-- Run id of the server that runs this script, '' where a server hides it. Asked here and not by the caller: between a
-- question and a beat another master may take over, and the epoch would move back and forth.
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and match(info, 'run_id:(%w+)') or ''

-- '|generation|generation|': those that joined so far.
local function generationsOf(K)
  local fields, list = call('HKEYS', K .. 'shard'), '|'
  for i = 1, #fields do
    local generation = match(fields[i], '^n:(.+)$')
    if generation then list = list .. generation .. '|' end
  end
  return list
end

-- The shard's epoch; a new one when there is none, or another master process serves the shard than before.
-- A state of a wrong type is lost.
local function ensureEpoch(K)
  local v = undamaged(redis.pcall('HMGET', K .. 'shard', 'epoch', 'run'))
  if not v then
    call('UNLINK', K .. 'shard')
    v = {}
  end
  local epoch, old = v[1], v[2]
  if not epoch or (run ~= '' and old and old ~= run) then
    epoch = fmt('%d', math.max(now, (tonumber(epoch) or 0) + 1))
    call('HSET', K .. 'shard', 'epoch', epoch, 'formers', generationsOf(K))
    -- P11: sequences go on over epochs as long as the rows that hold them are kept.
    local newest = undamaged(redis.pcall('XREVRANGE', K .. 'log', '+', '-', 'COUNT', '1'))
    local last = newest and newest[1]
    if last then call('XADD', K .. 'log', epoch .. '-' .. fmt('%d', match(last[1], '%-(%d+)$') + 1), 'c', 'e') end
  end
  if run ~= '' and old ~= run then call('HSET', K .. 'shard', 'run', run) end
  return epoch
end

-- Takes (isNew) or renews a generation's lease, unless it has lapsed. Returns whether it did.
local function renewNodeLease(K, node, leaseMs, isNew)
  local s = silenceOf(K)
  local lease = tonumber(call('HGET', K .. 'shard', 'n:' .. node) or nil)
  if lease and runsUntil(K, lease) <= now or not lease and not isNew then return false end
  local at = now + leaseMs
  local text = leaseText(K, at)
  -- Somebody new neither answers a silence nor ends it, while there is a witness who can.
  local lasts = s.beatAt and not endUnanswered(K, s, s.beatAt)
  if lasts then text = markedLease(at, markOf(s.next)) end
  if not lease or at > lease then call('HSET', K .. 'shard', 'n:' .. node, text) end
  if not lasts then call('HSET', K .. 'shard', 'beatAt', fmt('%d', now), 'leaseMs', leaseMs) end
  return true
end

-- Gives a lease up. The last one leaves no silence.
local function giveUpNodeLease(K, node)
  local s = silenceOf(K)
  local v = call('HMGET', K .. 'shard', 'n:' .. node, 'beatAt')
  local lease, beatAt = tonumber(v[1]), tonumber(v[2])
  if lease then call('HSET', K .. 'shard', 'n:' .. node, markedLease(math.min(math.ceil(lease), now), GIVEN_UP)) end
  if beatAt then endUnanswered(K, s, beatAt) end
end

-- 'generation generation …': those whose leases run.
local function runningGenerations(K)
  local flat, running = call('HGETALL', K .. 'shard'), {}
  for i = 1, #flat, 2 do
    local generation = match(flat[i], '^n:(.+)$')
    local lease = generation and tonumber(flat[i + 1])
    if lease and runsUntil(K, lease) > now then running[#running + 1] = generation end
  end
  return table.concat(running, ' ')
end

-- The reply to one item of these verbs.
local function nodeReply(accepted, epoch, running)
  return (accepted and 'alive|' or 'fenced|') .. epoch .. '|' .. fmt('%d', now) .. '|' .. run .. '|' .. (running or '')
end
