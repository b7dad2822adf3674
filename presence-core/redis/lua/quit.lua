#!lua flags=allow-oom
-- Gives a node generation's lease up in a shard: it is over from now on (P9). What it still holds ends in a sweep.
-- ARGV: node; then one K an item.
-- Returns per item: 'alive|epoch|now|run id of the server'.
local node, replies = ARGV[1], {}
for i = 2, #ARGV do
  local K = ARGV[i]
  local epoch = ensureEpoch(K)
  extension(K)
  local at = tonumber(call('HGET', K .. 'shard', 'n:' .. node) or nil)
  if at then call('HSET', K .. 'shard', 'n:' .. node, fmt('%d', math.min(at, now))) end
  replies[#replies + 1] = nodeReply(true, epoch)
end
return replies
