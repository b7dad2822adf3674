-- A page of a snapshot: whole buckets, as many as fit (P11, P14).
local PAGE_ROWS = 250
-- What the sessions of one call may still cost. An empty bucket costs a tenth of a row.
local pageBudget
local function beginPages() pageBudget = PAGE_ROWS end

-- Sequence of the shard's last log entry, 0 none.
local function lastSequence(K)
  local last = call('XREVRANGE', K .. 'log', '+', '-', 'COUNT', '1')
  return last[1] and fmt('%d', match(last[1][1], '%-(%d+)$') + 1) or '0'
end

-- Adds 'user|expiresAt|session|row'. One that has expired and was not swept yet is among them: its close comes in the log.
local function addLine(out, K, user, session, row)
  local score = undamaged(redis.pcall('ZSCORE', K .. 'u:' .. user, session))
  if not score then return end
  out[#out + 1] = user .. '|' .. fmt('%d', runsUntil(K, tonumber(score))) .. '|' .. session .. '|' .. row
end

-- Adds the sessions of buckets from `from` on; returns the first bucket that is not among them.
local function addBuckets(out, K, from)
  while from < BUCKETS and pageBudget > 0 do
    -- A key of a wrong type holds no session.
    local flat = undamaged(redis.pcall('HGETALL', K .. 'm:' .. fmt('%d', from))) or {}
    for j = 1, #flat, 2 do
      local user, session = match(flat[j], '^(%S+) (%S+)$')
      if user then addLine(out, K, user, session, flat[j + 1]) end
    end
    pageBudget = pageBudget - 0.1 - #flat / 2
    from = from + 1
  end
  return from
end

-- The index of a stream from a bucket on, or of one bucket. '!' comes right after the blank.
local function indexed(K, stream, bucket, isAlone, limit)
  local first = stream .. ' ' .. fmt('%03d', bucket)
  local bound = isAlone and first .. '!' or stream .. '!'
  return undamaged(redis.pcall('ZRANGEBYLEX', K .. 'w', '[' .. first .. ' ', '(' .. bound, 'LIMIT', 0, limit)) or {}
end

-- The same of one stream that is indexed.
local function addIndexed(out, K, stream, from)
  if pageBudget <= 0 then return from end
  local limit = math.ceil(pageBudget)
  local found, next = indexed(K, stream, from, false, limit), BUCKETS
  if #found == limit then
    -- The last bucket may go on beyond: it is left out, or, when it is the only one, read whole.
    next = tonumber(match(found[limit], '^%S+ (%d+) '))
    if next == tonumber(match(found[1], '^%S+ (%d+) ')) then
      found, next = indexed(K, stream, next, true, -1), next + 1
    end
  end
  for i = 1, #found do
    local bucket, user, session = match(found[i], '^%S+ (%d+) (%S+) (%S+)$')
    if tonumber(bucket) < next then
      local row = undamaged(redis.pcall('HGET', K .. 'm:' .. fmt('%d', bucket), user .. ' ' .. session))
      if row then addLine(out, K, user, session, row) end
      pageBudget = pageBudget - 1
    end
  end
  pageBudget = pageBudget - 0.5
  return next
end
