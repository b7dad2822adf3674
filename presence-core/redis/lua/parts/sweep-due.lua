-- What has expired in a shard (P1): sessions filed by themselves, and buckets filed at the soonest end in them.

-- When a session of a bucket is to be looked at again; nil when it is over.
local function expiryOf(K, bucket, field)
  local user, session = splitField(field)
  if not user then return end
  local score = tonumber(call('ZSCORE', K .. 'u:' .. user, session) or nil)
  local at = score and runsUntil(K, score)
  if not at or at > now then return at end
  endExpired(K, bucket, user, session)
end

-- Looks at one bucket: ends its expired sessions, files those that end soon by themselves, and itself for the soonest of
-- the others. Returns whether there is none.
local function sweepBucket(K, bucket)
  local fields = undamaged(redis.pcall('HKEYS', K .. 'm:' .. bucket)) or {}
  budget = budget - LOOK_COSTS * #fields
  local soonest
  for i = 1, #fields do
    local at = sparing(expiryOf, K, bucket, fields[i])
    if at and at - now <= SHORT_MS then
      call('ZADD', K .. 'soon', fmt('%d', at), bucket .. ' ' .. fields[i])
    elseif at and (not soonest or at < soonest) then
      soonest = at
    end
  end
  if soonest then call('ZADD', K .. 'due', fmt('%d', soonest), bucket) end
  return not soonest
end

-- Looks at one session: it has expired, was renewed, or is over. Returns whether it is filed by itself no more.
local function sweepSession(K, entry)
  local bucket, field = match(entry, '^(%S+) (.*)$')
  if not bucket then return true end
  local at = sparing(expiryOf, K, bucket, field)
  budget = budget - LOOK_COSTS
  if at and at - now <= SHORT_MS then
    call('ZADD', K .. 'soon', fmt('%d', at), entry)
    return false
  end
  if at then call('ZADD', K .. 'due', 'LT', fmt('%d', at), bucket) end
  return true
end

-- Looks at some of what is due of one kind, as far as the slice goes. Takes away what is filed no more.
local function lookAtSome(K, name, look, due)
  local over = {}
  for i = 1, #due, 2 do
    if budget <= 0 then break end
    if look(K, due[i]) then over[#over + 1] = due[i] end
  end
  if #over > 0 then call('ZREM', K .. name, unpack(over)) end
end

-- Looks at what is due of one kind ('soon' or 'due'), what is due for longest first. Returns whether more is due.
local function sweepDue(K, name, look)
  while budget > 0 do
    local due = call('ZRANGE', K .. name, '-inf', fmt('%d', now), 'BYSCORE', 'LIMIT', '0', '16', 'WITHSCORES')
    if #due == 0 then return false end
    lagMs = math.max(lagMs, now - tonumber(due[2]))
    lookAtSome(K, name, look, due)
  end
  return true
end
