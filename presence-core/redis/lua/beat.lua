#!lua flags=allow-oom
-- Renews a node generation's lease at a home, and never revives one that lapsed (P9); keeps the epoch of the home, and
-- those of some of its shards (P10).
-- ARGV: H, node, leaseMs, first shard of the home whose epoch is kept and told, number of these,
--   instant until which holders without a socket are due again (0: none are).
-- Returns what joinOrBeat does.
return function() return joinOrBeat(false) end
