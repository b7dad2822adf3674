-- Stands before join, beat and quit: the epoch of a shard (P10) and the leases of node generations there (P9).

-- The shard's epoch; a new one when there is none, or another master process serves the shard than before.
-- run: run id of the shard's master, '' when it is not known.
local function ensureEpoch(K, run)
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
  return (accepted and 'alive|' or 'fenced|') .. epoch .. '|' .. fmt('%d', now)
end
