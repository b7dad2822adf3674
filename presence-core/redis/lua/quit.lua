#!lua flags=allow-oom
-- Gives a node generation's lease up in a shard: it is over from now on (P9). What it still holds ends in a sweep.
-- ARGV: node; then 2 an item: K, run id of the shard's master ('' unknown).
-- Returns per item: 'alive|epoch|now'.
local node, replies = ARGV[1], {}
-- Who goes answers no silence.
caller = ''
for i = 2, #ARGV, 2 do
  local K = ARGV[i]
  local epoch = ensureEpoch(K, ARGV[i + 1])
  giveUpNodeLease(K, node)
  replies[#replies + 1] = nodeReply(true, epoch)
end
return replies
