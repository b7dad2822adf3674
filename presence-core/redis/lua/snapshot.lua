#!lua flags=no-writes
-- Sessions as of a place in the shard's log (P11), of buckets from a given one on. Those of one stream: watch.lua.
-- ARGV, 2 an item: K, bucket.
-- Returns per item the sequence of the shard's last log entry, the first bucket that is not in the answer, then a line
-- 'user|expiresAt|session|row' for each session.
return function()
  beginPages()
  return forEachItem(1, 2, function(i)
    local K = ARGV[i]
    mustRemember(K)
    local out = { lastSequence(K), '' }
    out[2] = fmt('%d', addBuckets(out, K, tonumber(ARGV[i + 1])))
    return out
  end)
end
