#!lua flags=allow-oom
-- Ends what has expired (P1, P15) and what lapsed nodes held (P9), within a budget of sessions looked at.
-- ARGV: least ms between two sweeps of a shard, budget, number of buckets; then one K an item.
-- Returns per item: 'ended|more|lagMs|recount'; more = 1 when the budget ran out; lagMs = how long the oldest bucket was
-- due; recount = 1 when the shard is to be counted anew (recount.lua).
local TOMBSTONES_MAX = 10000

-- Drops tombstones (P5) and instants of last seen (P15) that are over, or too many.
local function trim(K)
  call('ZREMRANGEBYSCORE', K .. 'tomb', '-inf', fmt('(%d', now * 10))
  call('ZREMRANGEBYRANK', K .. 'tomb', 0, -1 - TOMBSTONES_MAX)
  call('ZREMRANGEBYSCORE', K .. 'seen', '-inf', fmt('(%d', now - SEEN_TTL_MS))
  call('ZREMRANGEBYRANK', K .. 'seen', 0, -1 - SEEN_MAX)
end

local function sweep(K)
  ended = 0
  local flat = call('HGETALL', K .. 'shard')
  local state = {}
  for i = 1, #flat, 2 do state[flat[i]] = flat[i + 1] end
  -- A sweep that lies ahead was before the clock stepped back.
  local agoMs = now - (tonumber(state.sweptAt) or 0)
  if agoMs >= 0 and agoMs < leastMs then return '0|0|0|0' end
  local more, lagMs = bringBack(K, state), 0
  silenceOf(K)
  if not more then more = endLostSessions(K, state) end
  if not more then more, lagMs = sweepDueBuckets(K) end
  trim(K)
  if not more then call('HSET', K .. 'shard', 'sweptAt', fmt('%d', now)) end
  local counts = wantsRecount(K, state.recount, state.recountedIn)
  return fmt('%d|%d|%d|%d', ended, more and 1 or 0, lagMs, counts and 1 or 0)
end

return forEachItem(4, 1, function(i) return sweep(ARGV[i]) end)
