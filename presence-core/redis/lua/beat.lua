#!lua flags=allow-oom
-- Renews a node generation's lease in a shard, and never revives one that lapsed (P9); keeps the shard's epoch (P10).
-- ARGV: node, leaseMs; then 2 an item: K, run id of the shard's master ('' unknown).
-- Returns per item: 'alive|epoch|now' or 'fenced|epoch|now'.
local node, leaseMs, replies = ARGV[1], tonumber(ARGV[2]), {}
-- A generation speaks for itself, whichever its store handle joined under last.
caller = node
for i = 3, #ARGV, 2 do
  local K = ARGV[i]
  local epoch = ensureEpoch(K, ARGV[i + 1])
  replies[#replies + 1] = nodeReply(renewNodeLease(K, node, leaseMs, false), epoch)
end
return replies
