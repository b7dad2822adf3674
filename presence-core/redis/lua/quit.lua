#!lua flags=allow-oom
-- Gives a node generation's lease up in a shard: it is over from now on (P9). What it still holds ends in a sweep.
-- ARGV: node; then one K an item.
-- Returns per item: 'alive|epoch|now|run id of the server|'.
local node, replies = ARGV[1], {}
-- Who goes answers no silence.
caller = ''
for i = 2, #ARGV do
  local K = ARGV[i]
  local epoch = ensureEpoch(K)
  giveUpNodeLease(K, node)
  replies[#replies + 1] = nodeReply(true, epoch)
end
return replies
