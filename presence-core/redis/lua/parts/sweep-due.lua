-- Looks at one bucket: ends its expired sessions (P1) and files it for the soonest expiry left.
local function sweepBucket(K, bucket)
  local fields = call('HKEYS', K .. 'm:' .. bucket)
  budget = budget - #fields
  local soonest
  for i = 1, #fields do
    local user, session = splitField(fields[i])
    local set = K .. 'u:' .. user
    local score = tonumber(call('ZSCORE', set, session) or nil)
    if score and score <= now then
      local before = call('ZCARD', set)
      local act = actOn(K, user, session, bucket, '')
      local endedNow = before - #liveMembers(act)
      ended = ended + endedNow
      budget = budget - ENDED_COSTS * endedNow
      local member = memberOf(act, session)
      score = member and member.score
    end
    if score and (not soonest or score < soonest) then soonest = score end
  end
  if soonest then
    call('ZADD', K .. 'due', fmt('%d', soonest), bucket)
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
