#!lua flags=no-writes,allow-cross-slot-keys
-- Reads on in the logs of several shards of one master (P11): on Cluster XREAD refuses keys of two hash slots.
-- KEYS: one of the logs, which leads to the master. ARGV: how many entries of each; then of each its key, and the id
-- after which it is read.
-- Returns per log its entries, as XRANGE does; nil for one that this master does not serve any more.
return function()
  local found = {}
  for i = 2, #ARGV, 2 do
    local entries = redis.pcall('XRANGE', ARGV[i], '(' .. ARGV[i + 1], '+', 'COUNT', ARGV[1])
    found[#found + 1] = not entries.err and entries
  end
  return found
end, true
