-- When a shard is counted anew (P12): one shard at a time in turn, one each RECOUNT_MS, all over the deployment.

-- The number of the turn that runs now.
local function turnNow()
  return math.floor(now / RECOUNT_MS)
end

local function numberOf(K)
  return tonumber(match(K, ':(%d+)}:$'))
end

-- Whether a recount of the shard runs, or its turn has come and was not taken. By two fields of its state.
local function wantsRecount(K, recount, recountedIn)
  if recount then return true end
  local turn = turnNow()
  return turn % SHARDS == numberOf(K) and recountedIn ~= fmt('%d', turn)
end

-- When its next turn begins that was not taken yet.
local function nextTurnAt(K)
  local turn = turnNow()
  local ahead = (numberOf(K) - turn) % SHARDS
  return (turn + (ahead > 0 and ahead or SHARDS)) * RECOUNT_MS
end
