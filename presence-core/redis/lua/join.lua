#!lua flags=allow-oom
-- Takes a lease for a new node generation in a shard (P9); begins the shard's epoch where there is none (P10).
-- ARGV: node, leaseMs; then 2 an item: K, run id of the shard's master ('' unknown).
-- Returns per item: 'alive|epoch|now' or 'fenced|epoch|now'.
local node, leaseMs, replies = ARGV[1], tonumber(ARGV[2]), {}
-- A generation speaks for itself, whichever its store handle joined under last.
caller = node
for i = 3, #ARGV, 2 do
  local K = ARGV[i]
  local epoch = ensureEpoch(K, ARGV[i + 1])
  replies[#replies + 1] = nodeReply(renewNodeLease(K, node, leaseMs, true), epoch)
end
return replies
