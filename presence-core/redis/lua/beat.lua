#!lua flags=allow-oom
-- Takes, renews or gives up a node generation's lease in a shard (P9); keeps the shard's epoch (P10).
-- ARGV: mode ('join', 'beat', 'quit'), node, leaseMs; then 2 an item: K, run id of the shard's master ('' unknown).
-- Returns per item: 'alive|epoch|now' or 'fenced|epoch|now'.
local mode, node, leaseMs = ARGV[1], ARGV[2], tonumber(ARGV[3])

local function keepEpoch(K, run)
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

local function beat(K, run)
  local epoch = keepEpoch(K, run)
  local tail = '|' .. epoch .. '|' .. fmt('%d', now)
  extension(K)
  local at = tonumber(call('HGET', K .. 'shard', 'n:' .. node) or nil)
  if mode == 'quit' then
    if at then call('HSET', K .. 'shard', 'n:' .. node, fmt('%d', math.min(at, now))) end
    return 'alive' .. tail
  end
  local runs = at and runsUntil(K, at)
  if (runs and runs <= now) or (not runs and mode == 'beat') then return 'fenced' .. tail end
  at = math.max(runs or 0, now + leaseMs)
  call('HSET', K .. 'shard', 'n:' .. node, leaseEnd(K, at), 'beatAt', fmt('%d', now), 'leaseMs', leaseMs)
  return 'alive' .. tail
end

local replies = {}
for i = 4, #ARGV, 2 do replies[#replies + 1] = beat(ARGV[i], ARGV[i + 1]) end
return replies
