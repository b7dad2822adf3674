#!lua flags=allow-oom
-- Takes a lease for a new node generation in a shard (P9); begins the shard's epoch where there is none (P10).
-- ARGV: node, leaseMs, K of the shard whose generations are told (one is enough); then one K an item.
-- Returns per item: 'alive|epoch|now|run id of the server|generations whose leases run' or 'fenced|…'.
local node, leaseMs, told, replies = ARGV[1], tonumber(ARGV[2]), ARGV[3], {}
-- A generation speaks for itself, whichever its store handle joined under last.
caller = node
for i = 4, #ARGV do
  local K = ARGV[i]
  local epoch = ensureEpoch(K)
  local accepted = renewNodeLease(K, node, leaseMs, true)
  replies[#replies + 1] = nodeReply(accepted, epoch, K == told and runningGenerations(K))
end
return replies
