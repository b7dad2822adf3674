-- When a session expires; its user's expired ones end first (P1). nil when it is over.
local function expiryAfterSweep(K, bucket, field)
  local user, session = splitField(field)
  local set = K .. 'u:' .. user
  local score = tonumber(call('ZSCORE', set, session) or nil)
  if not score or score > now then return score end
  local before = call('ZCARD', set)
  local act = actOn(K, user, session, bucket, '')
  local endedNow = before - #liveMembers(act)
  ended = ended + endedNow
  budget = budget - ENDED_COSTS * endedNow
  local member = memberOf(act, session)
  return member and member.score
end

-- Looks at one bucket: ends its expired sessions (P1) and files it for the soonest expiry left. A key of a wrong type is
-- passed over and left to the recount.
local function sweepBucket(K, bucket)
  local fields = undamaged(redis.pcall('HKEYS', K .. 'm:' .. bucket)) or {}
  budget = budget - #fields
  local soonest
  for i = 1, #fields do
    local isDone, score = pcall(expiryAfterSweep, K, bucket, fields[i])
    if not isDone and not isDamage(score) then error(failure(score)) end
    if isDone and score and (not soonest or score < soonest) then soonest = score end
  end
  if soonest then
    call('ZADD', K .. 'due', fmt('%d', math.ceil(soonest)), bucket)
  else
    call('ZREM', K .. 'due', bucket)
  end
end

-- Looks at the buckets that are due, the one due for longest first. Returns whether more is due, and the lag in ms.
local function sweepDueBuckets(K)
  local lagMs = 0
  while budget > 0 do
    local due = call('ZRANGE', K .. 'due', '-inf', fmt('%d', now), 'BYSCORE', 'LIMIT', '0', '1', 'WITHSCORES')
    if #due == 0 then return false, lagMs end
    lagMs = math.max(lagMs, now - tonumber(due[2]))
    sweepBucket(K, due[1])
  end
  return true, lagMs
end
