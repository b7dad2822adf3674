#!lua flags=no-writes
-- Sessions as of a place in the shard's log (P11), of buckets from a given one on; of one stream once it is watched
-- (watch.lua).
-- ARGV, 3 an item: K, stream ('' all), bucket.
-- Returns per item the sequence of the shard's last log entry, the first bucket that is not in the answer, then a line
-- 'user|expiresAt|session|row' for each session.
return forEachItem(1, 3, function(i)
  local K, stream, from = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  mustRemember(K)
  local out = { lastSequence(K), '' }
  out[2] = fmt('%d', stream == '' and addBuckets(out, K, from) or addIndexed(out, K, stream, from))
  return out
end)
