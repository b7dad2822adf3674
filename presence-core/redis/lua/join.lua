#!lua flags=allow-oom
-- Takes a lease for a new node generation at a home (P9); begins the epochs of its shards where there are none (P10).
-- ARGV: H, node, leaseMs, first shard of the home whose epoch is told, number of these,
--   instant until which holders without a socket are due again (0: none are).
-- Returns what joinOrBeat does.
return function() return joinOrBeat(true) end
