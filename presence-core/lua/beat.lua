#!lua flags=allow-oom
-- Takes, renews or gives up a node generation's lease in a shard (P9); keeps the shard's epoch (P10).
-- ARGV: mode ('join', 'beat', 'quit'), node, leaseMs, run id of this master ('' unknown); then one K an item.
-- Returns per item: 'alive|epoch|now' or 'fenced|epoch|now'.
local mode, node, leaseMs, run = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local function keepEpoch(K)
  local v = call('HMGET', K .. 'shard', 'epoch', 'run')
  local epoch, old = v[1], v[2]
  if not epoch or (run ~= '' and old and old ~= run) then
    epoch = fmt('%d', math.max(now, (tonumber(epoch) or 0) + 1))
    call('HSET', K .. 'shard', 'epoch', epoch)
  end
  if run ~= '' and old ~= run then call('HSET', K .. 'shard', 'run', run) end
  return epoch
end

local function beat(K)
  local epoch = keepEpoch(K)
  local tail = '|' .. epoch .. '|' .. fmt('%d', now)
  extension(K)
  if mode == 'beat' and fenced(K, 's' .. node .. '.') then return 'fenced' .. tail end
  if mode == 'quit' then
    if call('HEXISTS', K .. 'shard', 'n:' .. node) == 1 then call('HSET', K .. 'shard', 'n:' .. node, fmt('%d', now)) end
  else
    call('HSET', K .. 'shard', 'n:' .. node, fmt('%d', now + leaseMs), 'beatAt', fmt('%d', now), 'leaseMs', leaseMs)
  end
  return 'alive' .. tail
end

local replies = {}
for i = 5, #ARGV do replies[#replies + 1] = beat(ARGV[i]) end
return replies
