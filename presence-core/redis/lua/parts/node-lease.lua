-- Stands before join, beat and quit: the epoch of a shard (P10) and the leases of node generations there (P9).

-- Run id of the server that runs this script, '' where a server hides it. Asked here and not by the caller: between a
-- question and a beat another master may take over, and the epoch would move back and forth.
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and match(info, 'run_id:(%w+)') or ''

-- The shard's epoch; a new one when there is none, or another master process serves the shard than before.
local function ensureEpoch(K)
  local v = call('HMGET', K .. 'shard', 'epoch', 'run')
  local epoch, old = v[1], v[2]
  if not epoch or (run ~= '' and old and old ~= run) then
    epoch = fmt('%d', math.max(now, (tonumber(epoch) or 0) + 1))
    call('HSET', K .. 'shard', 'epoch', epoch)
    -- P11: sequences go on over epochs as long as the rows that hold them are kept.
    local last = call('XREVRANGE', K .. 'log', '+', '-', 'COUNT', '1')[1]
    if last then call('XADD', K .. 'log', epoch .. '-' .. fmt('%d', match(last[1], '%-(%d+)$') + 1), 'c', 'e') end
  end
  if run ~= '' and old ~= run then call('HSET', K .. 'shard', 'run', run) end
  return epoch
end

-- Takes (isNew) or renews a generation's lease, unless it has lapsed. Returns whether it did.
local function renewNodeLease(K, node, leaseMs, isNew)
  extension(K)
  local at = tonumber(call('HGET', K .. 'shard', 'n:' .. node) or nil)
  local runs = at and runsUntil(K, at)
  if (runs and runs <= now) or (not runs and not isNew) then return false end
  at = math.max(runs or 0, now + leaseMs)
  call('HSET', K .. 'shard', 'n:' .. node, leaseEnd(K, at), 'beatAt', fmt('%d', now), 'leaseMs', leaseMs)
  return true
end

-- The reply to one item of these verbs.
local function nodeReply(accepted, epoch)
  return (accepted and 'alive|' or 'fenced|') .. epoch .. '|' .. fmt('%d', now) .. '|' .. run
end
