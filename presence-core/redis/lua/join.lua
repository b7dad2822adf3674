#!lua flags=allow-oom
-- Takes a lease for a new node generation in a shard (P9); begins the shard's epoch where there is none (P10).
-- ARGV: node, leaseMs; then one K an item.
-- Returns per item: 'alive|epoch|now|run id of the server' or 'fenced|…'.
local node, leaseMs, replies = ARGV[1], tonumber(ARGV[2]), {}
-- A generation speaks for itself, whichever its store handle joined under last.
caller = node
for i = 3, #ARGV do
  local K = ARGV[i]
  local epoch = ensureEpoch(K)
  replies[#replies + 1] = nodeReply(renewNodeLease(K, node, leaseMs, true), epoch)
end
return replies
