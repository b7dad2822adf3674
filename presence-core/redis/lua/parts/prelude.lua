-- Begins the library (library.ts joins it: the parts, then the verbs): what a call is told, and where a shard's data is.
-- Redis reads a library once, and keeps what it sets at its top from one call to the next. So what belongs to a call is set
-- when it begins; while the library is read nothing may be called, not even what belongs to Lua.
--
-- A call carries a list of items, each naming its shard's key prefix K ('{P:7}:'). On one Redis a call may carry items
-- of many shards; on Cluster those of one, with all of that shard's keys declared for routing and slot migration.
-- Keys of a shard: K..'u:'<user> zset session -> expiresAt; K..'m:'<bucket> hash 'user session' -> row;
-- K..'due' zset bucket -> when to look at it; K..'soon' zset 'bucket user session' -> when to look at it;
-- K..'held' hash generation -> sessions that its sockets hold; K..'n' hash of counts; K..'r' the same while a recount
-- makes it;
-- K..'lim' hash user -> max;
-- K..'tomb' zset 'user session' -> until*10+reason; K..'seen' zset user -> ms; K..'log' stream; K..'shard' hash of state;
-- K..'w' zset and K..'watch' hash: sessions of watched streams (parts/watched.lua);
-- K..'layout' copy of the deployment's layout, of which no verb knows.
-- Node leases, silences and the gate of sweeps are kept once for all shards of a server, in the state of its home: that is
-- shard 0 on one Redis (HOME), and on a Cluster each shard is its own. H: the prefix of the home; H..'sweep' zset
-- K -> when something in that shard may be due.
local call, fmt, match, sub
local now, nowText, KEYS, ARGV
-- Every call ends with the node generation that its store handle joined under, '' none (P9), the newest epoch of any
-- shard that it knows of (P10), and the constants of its deployment. No verb sees them in ARGV.
local caller, knownEpoch
-- Whether the verb may write, as its flags say.
local mayWrite

-- Of the deployment (library.ts). PREFIX begins the prefix of each shard, where HOME is one for all; SHARDS_HERE: how many
-- shards a home has.
local HOME, PREFIX, SHARDS, SHARDS_HERE, SHORT_MS, LOG_MAX, TOMB_MS, LEFT_TOMB_MS, SEEN_TTL_MS, SEEN_MAX, STALL_GRACE_MS, LEASE_MAX_MS,
  RECOUNT_MS
local constants, known, knownCount = nil, {}, 0

-- Sets them by 'NAME=value' lines. What a server has read already it knows by the text.
local function setConstants(text)
  local c = known[text]
  if not c then
    -- A server serves few deployments, and a library lives long.
    if knownCount >= 100 then known, knownCount = {}, 0 end
    c = {}
    for name, value in string.gmatch(text, '([%u_]+)=([^\n]*)') do
      -- One is a text, and one is written as it is.
      c[name] = (name == 'HOME' or name == 'LOG_MAX') and value or tonumber(value)
    end
    c.PREFIX = c.HOME and match(c.HOME, '^(.*:)%d+}:$')
    known[text], knownCount = c, knownCount + 1
  end
  constants = text
  SHARDS_HERE = c.HOME and c.SHARDS or 1
  HOME, PREFIX, SHARDS, SHORT_MS, LOG_MAX, TOMB_MS = c.HOME, c.PREFIX, c.SHARDS, c.SHORT_MS, c.LOG_MAX, c.TOMB_MS
  LEFT_TOMB_MS, SEEN_TTL_MS, SEEN_MAX, STALL_GRACE_MS = c.LEFT_TOMB_MS, c.SEEN_TTL_MS, c.SEEN_MAX, c.STALL_GRACE_MS
  LEASE_MAX_MS, RECOUNT_MS = c.LEASE_MAX_MS, c.RECOUNT_MS
end

-- What parts have to set when a call begins, in their order.
local beginnings = {}
local function atBeginning(set)
  beginnings[#beginnings + 1] = set
end

local function beginCall(keys, args, isWriting, isPlain)
  if not call then call, fmt, match, sub = redis.call, string.format, string.match, string.sub end
  KEYS, ARGV, mayWrite = keys, args, isWriting
  local text = table.remove(args)
  knownEpoch, caller = table.remove(args), table.remove(args)
  if isPlain then return end
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
  nowText = fmt('%d', now)
  if text ~= constants then setConstants(text) end
  for i = 1, #beginnings do beginnings[i]() end
end

-- Names a verb for callers. flags: as FUNCTION LOAD has them; run: carries a call out, and returns its reply; isPlain: it
-- needs neither the clock, nor constants, nor any part.
local function verb(name, flags, run, isPlain)
  local isWriting = true
  for i = 1, #flags do if flags[i] == 'no-writes' then isWriting = false end end
  local function callback(keys, args)
    beginCall(keys, args, isWriting, isPlain)
    return run()
  end
  if not SCRIPT then
    redis.register_function({ function_name = LIBRARY .. '_' .. name, flags = flags, callback = callback })
  elseif SCRIPT.name == name then
    SCRIPT.run = callback
  end
end

local function homeOf(K)
  return HOME or K
end

-- What is answered instead of a reply when an item raised this error. Of an error with a code (WRONGTYPE, OOM, FORGOT)
-- Redis' pcall gives only the text.
local function failure(problem)
  local text = type(problem) == 'table' and problem.err or tostring(problem)
  return { err = match(text, '^%u+ ') and text or 'ERR ' .. text }
end

-- Whether an error lies with a key of a wrong type, or a count that is no number, which is damage from outside. Any other
-- may pass by itself, as on a Cluster while the keys of a slot are moved: what is not found then is elsewhere.
local function isDamage(problem)
  local text = failure(problem).err
  return string.find(text, 'WRONGTYPE', 1, true) ~= nil or string.find(text, 'hash value is not an integer', 1, true) ~= nil
end

-- What a read gave, or nil where its key is of a wrong type.
local function undamaged(reply)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if not isDamage(reply) then error(reply) end
end

-- What acts need of a shard's state: its epoch, how many buckets a recount has walked (0 when none runs), and until when
-- streams are watched (parts/watched.lua).
local states
atBeginning(function() states = {} end)
local function stateOf(K)
  local state = states[K]
  if not state then
    local v = call('HMGET', K .. 'shard', 'epoch', 'recount', 'watched')
    state = { epoch = v[1], walked = tonumber(v[2] or 0), watched = tonumber(v[3] or 0) }
    states[K] = state
  end
  return state
end

-- Stands before what is answered because nothing is there, and before pages of snapshots, which may say so of anybody: in
-- a shard without an epoch, or of one that the caller has not heard of yet, whoever was live may be live still (P10).
local function mustRemember(K)
  if caller == '' then return end
  local epoch = stateOf(K).epoch
  if not epoch or tonumber(epoch) > tonumber(knownEpoch) then error({ err = 'FORGOT the data of the deployment' }) end
end

-- Stands before what is answered of what is there: others may have opened only a part of it again (P10). When a home
-- forgot, the epochs of all its shards change in one step, so it is asked only once a call.
local function mustRememberHome(K)
  local isRead, problem = pcall(mustRemember, homeOf(K))
  -- A state of a wrong type says nothing, and hides nothing that is there.
  if not isRead and not isDamage(problem) then error(failure(problem)) end
end

-- Calls act(i) for each item of the call, where i is the place in ARGV at which the item begins; returns the replies.
-- An item that raises an error, as on a key of a wrong type, is answered by that error, and the others are carried out.
local function forEachItem(first, size, act)
  local replies, n, i, total = {}, 0, first, #ARGV
  local function carryOut()
    while i <= total do
      n = n + 1
      replies[n] = act(i)
      i = i + size
    end
  end
  while i <= total do
    local isDone, problem = pcall(carryOut)
    if not isDone then
      replies[n] = failure(problem)
      i = i + size
    end
  end
  return replies
end
