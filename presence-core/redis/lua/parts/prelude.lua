-- Stands before every verb (scripts.ts joins them, with the deployment's constants above this): the clock, and where a
-- shard's data is.
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
local call, fmt, match = redis.call, string.format, string.match
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local nowText = fmt('%d', now)
-- Every call ends with the node generation that its store handle joined under, '' none (P9), and the newest epoch of any
-- shard that it knows of (P10). No verb sees them in ARGV.
local knownEpoch, caller = table.remove(ARGV), table.remove(ARGV)

local function homeOf(K)
  return HOME or K
end

-- What is answered instead of a reply when an item raised this error. Of an error with a code (WRONGTYPE, OOM, FORGOT)
-- Redis' pcall gives only the text.
local function failure(problem)
  local text = type(problem) == 'table' and problem.err or tostring(problem)
  return { err = match(text, '^%u+ ') and text or 'ERR ' .. text }
end

-- Whether an error lies with a key of a wrong type, which is damage from outside. Any other may pass by itself, as on a
-- Cluster while the keys of a slot are moved: what is not found then is elsewhere.
local function isDamage(problem)
  return string.find(failure(problem).err, 'WRONGTYPE', 1, true) ~= nil
end

-- What a read gave, or nil where its key is of a wrong type.
local function undamaged(reply)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if not isDamage(reply) then error(reply) end
end

-- What acts need of a shard's state: its epoch, how many buckets a recount has walked (0 when none runs), and until when
-- streams are watched (parts/watched.lua).
local states = {}
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
