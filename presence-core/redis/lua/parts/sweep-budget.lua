-- For sweep.lua, whose arguments these are: what one slice may still do, and has done.
local H, gapMs, slice, buckets
-- What is left of the slice, in rows looked at in a walk: about 1 microsecond each.
local budget
local LOOK_COSTS, ENDED_COSTS, VISIT_COSTS = 4, 30, 10
local ended, lagMs
-- Numbers of the shards to be counted anew, and an error for each that could not be swept.
local toCount, failures

local function beginSlice()
  H, gapMs, slice, buckets = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
  budget, ended, lagMs, toCount, failures = 0, 0, 0, {}, {}
end

-- 'user session', as rows are named in their bucket. nil of what no verb has written.
local function splitField(field)
  return match(field, '^(%S+) (%S+)$')
end

-- Ends what has expired of the user, of whom one session has.
local function endExpired(K, bucket, user, session)
  local _, over = liveMembers(actOn(K, user, session, bucket, ''))
  ended = ended + over
  budget = budget - ENDED_COSTS * over
end

-- Carries out a step of one item. What is damaged is passed over and left to the recount; any other error ends the slice.
-- Returns what the step returns, or nil and true.
local function sparing(step, ...)
  local isDone, result = pcall(step, ...)
  if isDone then return result end
  if not isDamage(result) then error(failure(result)) end
  return nil, true
end

-- Carries out a step in one shard, and adds at its end what it has counted. One in which anything is damaged is named to be
-- counted anew, which is done when its turn comes (P12). Returns what the step returns, or nil and true.
local function inShard(K, step, ...)
  gatherCounts()
  local isDone, result = pcall(step, K, ...)
  local isAdded, problem = pcall(addGathered)
  if isDone and isAdded then return result end
  if not isDone then result, problem = nil, result end
  if not isDamage(problem) then error(failure(problem)) end
  failures[#failures + 1] = failure(problem)
  toCount[#toCount + 1] = fmt('%d', numberOf(K))
  return result, not isDone
end
