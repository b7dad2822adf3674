-- Stands before every verb (scripts.ts joins them, with the deployment's constants above this): the clock, and where a
-- shard's data is.
--
-- A call carries a list of items, each naming its shard's key prefix K ('{P:7}:'). On one Redis a call may carry items
-- of many shards; on Cluster those of one, with all of that shard's keys declared for routing and slot migration.
-- Keys of a shard: K..'u:'<user> zset session -> expiresAt; K..'m:'<bucket> hash 'user session' -> row;
-- K..'due' zset bucket -> when to look at it; K..'n' hash of counts; K..'lim' hash user -> max;
-- K..'tomb' zset 'user session' -> until*10+reason; K..'seen' zset user -> ms; K..'log' stream; K..'shard' hash of state.
local call, fmt, match = redis.call, string.format, string.match
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Every call ends with the node generation that its store handle joined under, '' none (P9). No verb sees it in ARGV.
local caller = table.remove(ARGV)
