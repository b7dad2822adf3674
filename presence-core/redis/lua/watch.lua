#!lua flags=allow-oom
-- Pages of snapshots of streams, which are watched for an hour from now (P11). A stream that is watched is indexed
-- (parts/watched.lua); the index of a new one is filled by a walk over the shard's rows, a slice a call, which all new
-- streams share. It is done when the index has as many sessions as are counted, at the latest after all buckets; one that
-- differs from its count later, also between two pages, is filled anew. By how much a whole walk left it to differ, as the
-- count is wrong (P12), is kept: more than that is damage. A stream without sessions needs none.
-- Allowed out of memory, as dashboards are wanted then: some 100 bytes for each session of a watched stream.
-- ARGV, 4 an item: K, stream, bucket, '1' when the caller has been answered '-1' for this page.
-- Returns per item the same as snapshot.lua; '-1' for the bucket while the walk is on, '-2' when it was not looked at.
local WATCHED_MS, KEPT_MS, WATCHED_MAX = 3600000, 7200000, 1000
-- Stream of a row (parts/rows.lua).
local ROW_STREAM = '^[^|]*|[^|]*|[^|]*|[^|]*|[^|]*|[^|]*|([^|]*)|'
local WALK_ROWS = 1000
local walkBudget

local function rangeOf(stream) return '[' .. stream .. ' ', '(' .. stream .. '!' end

local function untilAndWalked(text)
  local till, walked, drift = match(text or '', '^(%d+)|(%d+)|?(%-?%d*)$')
  return tonumber(till) or 0, tonumber(walked) or 0, tonumber(drift) or 0
end

local function forget(K, stream)
  call('ZREMRANGEBYLEX', K .. 'w', rangeOf(stream))
  call('HDEL', K .. 'watch', stream)
end

-- Before one more is watched: those whose hour is over go, and of too many the one asked for the longest ago.
local function makeRoom(K)
  local flat, count, oldest, oldestTill = call('HGETALL', K .. 'watch'), 0, nil, nil
  for i = 1, #flat, 2 do
    local till = untilAndWalked(flat[i + 1])
    if flat[i] ~= '' and till <= now then
      forget(K, flat[i])
    elseif flat[i] ~= '' then
      count = count + 1
      if not oldest or till < oldestTill then oldest, oldestTill = flat[i], till end
    end
  end
  if count >= WATCHED_MAX then forget(K, oldest) end
end

-- Fills the index from the rows of one bucket after the other. Returns the place it came to.
local function walk(K, place, goal)
  local watched = {}
  local names = call('HKEYS', K .. 'watch')
  for i = 1, #names do watched[names[i]] = names[i] ~= '' end
  while place < goal and walkBudget > 0 do
    local bucket = fmt('%d', place % BUCKETS)
    local flat = undamaged(redis.pcall('HGETALL', K .. 'm:' .. bucket)) or {}
    for j = 2, #flat, 2 do
      local stream = match(flat[j], ROW_STREAM)
      if stream and watched[stream] then
        local user, session = match(flat[j - 1], '^(%S+) (%S+)$')
        if user and session ~= '*' then call('ZADD', K .. 'w', '0', indexMember(bucket, stream, user, session)) end
      end
    end
    walkBudget = walkBudget - 0.5 - #flat / 2
    place = place + 1
  end
  call('HSET', K .. 'watch', '', fmt('%d', place))
  return place
end

-- Returns whether the index of the stream has all its sessions.
local function fill(K, stream, count, isAgain)
  local till, walked, drift = untilAndWalked(call('HGET', K .. 'watch', stream))
  local place = tonumber(call('HGET', K .. 'watch', '') or 0)
  if till == 0 then makeRoom(K) end
  local function differs() return call('ZLEXCOUNT', K .. 'w', rangeOf(stream)) - count end
  local whole = till > 0 and differs() == drift
  if not whole and (till == 0 or (place >= walked and not isAgain)) then
    call('ZREMRANGEBYLEX', K .. 'w', rangeOf(stream))
    walked, drift = place + BUCKETS, 0
  end
  local function keep() call('HSET', K .. 'watch', stream, fmt('%d|%d|%d', now + WATCHED_MS, walked, drift)) end
  keep()
  if whole then return true end
  if place < walked then place = walk(K, place, walked) end
  local difference = differs()
  if difference ~= 0 and place < walked then return false end
  drift = difference
  keep()
  return true
end

local function watch(K, stream, from, isAgain)
  mustRemember(K)
  local count = math.floor((tonumber(undamaged(redis.pcall('HGET', K .. 'n', 's:' .. stream)) or 0) + 500000000) / 1000000000)
  local out = { lastSequence(K), fmt('%d', BUCKETS) }
  if count == 0 then return out end
  if walkBudget <= 0 or pageBudget <= 0 then return { out[1], '-2' } end
  local watched = tonumber(call('HGET', K .. 'shard', 'watched') or 0)
  if watched <= now then call('UNLINK', K .. 'w', K .. 'watch') end
  call('HSET', K .. 'shard', 'watched', fmt('%d', now + WATCHED_MS))
  local isWhole = fill(K, stream, count, isAgain)
  call('PEXPIRE', K .. 'w', KEPT_MS)
  call('PEXPIRE', K .. 'watch', KEPT_MS)
  out[2] = isWhole and fmt('%d', addIndexed(out, K, stream, from)) or '-1'
  return out
end

-- An index with a key of a wrong type is made anew. Returns whether there was one.
local function mendIndex(K)
  for name, kind in pairs({ w = 'zset', watch = 'hash' }) do
    local found = call('TYPE', K .. name).ok
    if found ~= 'none' and found ~= kind then
      call('UNLINK', K .. 'w', K .. 'watch')
      return true
    end
  end
  return false
end

return function()
  beginPages()
  walkBudget = WALK_ROWS
  return forEachItem(1, 4, function(i)
    local K = ARGV[i]
    local isDone, reply = pcall(watch, K, ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3] == '1')
    if isDone then return reply end
    if not isDamage(reply) or not mendIndex(K) then error(failure(reply)) end
    return { '0', '-2' }
  end)
end
