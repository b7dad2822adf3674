#!lua
-- Counts a shard anew and corrects its counts (P12), a slice each call, while acts go on between the calls: a walk over
-- the buckets mends what is half there and counts the rows into K..'r'. Acts on users of buckets that were walked count
-- there too (parts/counts.lua), so that in the end it says what K..'n' should. Refused out of memory.
-- State of the shard: recount (buckets walked), recountedIn (turn), compare ('phase|cursor' of a scan).
-- ARGV: budget of rows and counts looked at, number of buckets; then one K an item.
-- Returns per item: 'corrected|more|n', then n users of whom something was ended, then users of whom only members may
-- be left, for `mend`.
local budget, buckets
local KEYS_AT_ONCE = 5000
-- Stream, device type, country, state of a row whose numbers can be read (parts/rows.lua).
local ROW_PLACE = '^[^|]+|%d+|%d+|%d+|%d+|%d+|([^|]*)|([^|]*)|([^|]*)|([^|]*)|[^|]*|'
local corrected, endedUsers, suspects

-- Keys of a shard: one of a wrong type is made anew, as nothing of it is left.
local TYPES = { n = 'hash', held = 'hash', due = 'zset', soon = 'zset', seen = 'zset', tomb = 'zset', lim = 'hash',
  log = 'stream', w = 'zset', watch = 'hash' }

local function begin(K)
  call('UNLINK', K .. 'r')
  for name, kind in pairs(TYPES) do
    local found = call('TYPE', K .. name).ok
    if found ~= 'none' and found ~= kind then
      call('UNLINK', K .. name)
      -- Another log has an epoch of its own.
      if name == 'log' then call('HDEL', K .. 'shard', 'epoch') end
      corrected = corrected + 1
    end
  end
  call('HSET', K .. 'shard', 'recount', '0', 'recountedIn', fmt('%d', turnNow()))
end

-- Adds what the members of one user count for.
local function countUser(counts, list)
  local sessions = 0
  for i = 1, #list do
    local member = list[i]
    if member.id ~= '*' then
      sessions = sessions + 1
      for d = 1, 4 do
        local key = keyOf(member.row, d)
        if key ~= '' then
          local field, users = DIMENSIONS[d] .. key, 1
          for j = 1, i - 1 do
            if list[j].id ~= '*' and keyOf(list[j].row, d) == key then users = 0 break end
          end
          counts[field] = (counts[field] or 0) + ONE_SESSION + users
        end
      end
    end
  end
  if #list > 0 then counts.t = (counts.t or 0) + sessions * ONE_SESSION + 1 end
end

-- The rows of a bucket: user -> session -> text.
local function rowsByUser(key)
  local flat = undamaged(redis.pcall('HGETALL', key))
  if not flat then
    call('UNLINK', key)
    corrected, flat = corrected + 1, {}
  end
  budget = budget - 1 - #flat / 2
  local users = {}
  for i = 1, #flat, 2 do
    local user, session = match(flat[i], '^(%S+) (%S+)$')
    if user then
      users[user] = users[user] or {}
      users[user][session] = flat[i + 1]
    end
  end
  return users
end

-- A user of one whole session, as nearly all are: counted as countUser does, without a table. Returns when it expires;
-- nil for others.
local function countSingle(counts, K, user, rows)
  local session, text = next(rows)
  if session == '*' or next(rows, session) then return end
  local flat = redis.pcall('ZRANGE', K .. 'u:' .. user, '0', '-1', 'WITHSCORES')
  if #flat ~= 2 or flat[1] ~= session then return end
  local stream, dtype, country, state = match(text, ROW_PLACE)
  if not stream then return end
  local one = ONE_SESSION + 1
  counts.t = (counts.t or 0) + one
  if stream ~= '' then counts['s:' .. stream] = (counts['s:' .. stream] or 0) + one end
  if dtype ~= '' then counts['d:' .. dtype] = (counts['d:' .. dtype] or 0) + one end
  if country ~= '' then
    counts['c:' .. country] = (counts['c:' .. country] or 0) + one
    local place = 'l:' .. country .. '/' .. state
    if state ~= '' then counts[place] = (counts[place] or 0) + one end
  end
  return tonumber(flat[2])
end

-- Mends and counts a user. Returns the soonest expiry.
local function countMended(counts, K, user, bucket, rows)
  local list, mended = mendUser(actOn(K, user, '', bucket, ''), rows)
  if mended > 0 then endedUsers[#endedUsers + 1] = user end
  corrected = corrected + mended
  countUser(counts, list)
  return list[1] and list[1].score
end

local function walkBucket(K, bucket)
  local counts, soonest = {}, nil
  for user, rows in pairs(rowsByUser(K .. 'm:' .. bucket)) do
    local score = countSingle(counts, K, user, rows) or countMended(counts, K, user, bucket, rows)
    if score and (not soonest or score < soonest) then soonest = score end
  end
  for field, by in pairs(counts) do addToHash(K .. 'r', field, fmt('%d', by)) end
  if soonest then call('ZADD', K .. 'due', 'LT', fmt('%d', math.ceil(soonest)), bucket) end
end

-- One slice of a scan over the keys of the shard's users, who are told.
local function scanUsers(K, cursor)
  local pattern = string.gsub(K .. 'u:', '[%*%?%[%]\\]', '\\%0') .. '*'
  local found = call('SCAN', cursor, 'MATCH', pattern, 'COUNT', KEYS_AT_ONCE)
  for i = 1, #found[2] do suspects[#suspects + 1] = string.sub(found[2][i], #K + 3) end
  budget = 0
  return found[1]
end

-- One slice of a scan over one of the two hashes: where they differ, the new count holds.
local function compareCounts(K, scanned, cursor)
  local found = call('HSCAN', K .. scanned, cursor, 'COUNT', '250')
  local flat = found[2]
  for i = 1, #flat, 2 do
    local field = flat[i]
    local right = call('HGET', K .. 'r', field)
    if right ~= call('HGET', K .. 'n', field) then
      if right then call('HSET', K .. 'n', field, right) else call('HDEL', K .. 'n', field) end
      corrected = corrected + 1
    end
  end
  budget = budget - #flat / 2 - 1
  return found[1]
end

local PHASES = { keys = scanUsers, n = function(K, at) return compareCounts(K, 'n', at) end,
  r = function(K, at) return compareCounts(K, 'r', at) end }
local NEXT = { keys = 'n', n = 'r' }

-- Whether members are counted of whom no row is left: only a scan over all keys finds those, so none is made else.
local function hasTooMany(K)
  return tonumber(call('HGET', K .. 'n', 't') or 0) > tonumber(call('HGET', K .. 'r', 't') or 0)
end

-- Returns whether there is more to do.
local function goOn(K)
  local state = stateOf(K)
  while state.walked < buckets do
    if budget <= 0 then return true end
    walkBucket(K, fmt('%d', state.walked))
    state.walked = state.walked + 1
    call('HSET', K .. 'shard', 'recount', fmt('%d', state.walked))
  end
  local phase, cursor = match(call('HGET', K .. 'shard', 'compare') or '', '^(%a+)|(%d+)$')
  if not phase then phase, cursor = hasTooMany(K) and 'keys' or 'n', '0' end
  while phase do
    if budget <= 0 then
      call('HSET', K .. 'shard', 'compare', phase .. '|' .. cursor)
      return true
    end
    cursor = PHASES[phase](K, cursor)
    if cursor == '0' then phase = NEXT[phase] end
  end
  return false
end

local function stop(K)
  call('UNLINK', K .. 'r')
  call('HDEL', K .. 'shard', 'recount', 'compare')
end

local function recount(K)
  corrected, endedUsers, suspects = 0, {}, {}
  local v = call('HMGET', K .. 'shard', 'recount', 'recountedIn')
  if not wantsRecount(K, v[1], v[2]) then return { '0|0|0' } end
  if not v[1] then begin(K) end
  local isDone, more = pcall(goOn, K)
  if not isDone or not more then stop(K) end
  if not isDone then return failure(more) end
  local out = { fmt('%d|%d|%d', corrected, more and 1 or 0, #endedUsers) }
  for i = 1, #endedUsers do out[#out + 1] = endedUsers[i] end
  for i = 1, #suspects do out[#out + 1] = suspects[i] end
  return out
end

return function()
  budget, buckets = tonumber(ARGV[1]), tonumber(ARGV[2])
  return forEachItem(3, 1, function(i) return recount(ARGV[i]) end)
end
