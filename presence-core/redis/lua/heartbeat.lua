#!lua flags=allow-oom
-- Renews sessions that are live and stay as they are, as most heartbeats do (P4); all others are for `open`, which
-- Redis refuses when it is out of memory (P9).
-- ARGV, 9 an item: K, user, session, bucket, owner, leaseMs, limit ('' none),
--   '|stream|device type|country|state|device|meta' ('' keeps what is known), default limit.
-- Returns per item 'renewed|current|max|startedAt|expiresAt|segment|segmentStartedAt - startedAt', or 'unknown'.

-- Users of whom an item was not answered here: what follows of them comes after it, so that their order is kept.
local waiting = {}

local function heartbeat(i)
  local user = v[i + 1]
  if waiting[user] then return 'unknown' end
  local reply, hasExpired = renewUnchanged(i)
  if hasExpired then
    liveMembers(actOn(v[i], user, v[i + 2], v[i + 3], v[i + 4]))
    reply = renewUnchanged(i, true)
  end
  if reply then return reply end
  waiting[user] = true
  return 'unknown'
end

local rest = forEachItem(at, ITEM, heartbeat)
for i = 1, #rest do replies[n + i] = rest[i] end
return replies
