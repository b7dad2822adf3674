-- For sweep.lua, whose arguments these are: what one slice may still do, and has done.
local H, gapMs, slice, buckets
-- What is left of the slice, in rows looked at in a walk: about 1 microsecond each.
local budget
local LOOK_COSTS, ENDED_COSTS, VISIT_COSTS = 4, 30, 10
local ended, lagMs

local function beginSlice()
  H, gapMs, slice, buckets = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
  budget, ended, lagMs = 0, 0, 0
end

-- 'user session', as rows are named in their bucket.
local function splitField(field)
  return match(field, '^(%S+) (%S+)$')
end

-- Ends what has expired of the user, of whom one session has.
local function endExpired(K, bucket, user, session)
  local before = call('ZCARD', K .. 'u:' .. user)
  local act = actOn(K, user, session, bucket, '')
  local endedNow = before - #liveMembers(act)
  ended = ended + endedNow
  budget = budget - ENDED_COSTS * endedNow
end

-- Carries out a step of one item. What is damaged is passed over and left to the recount; any other error ends the slice.
-- Returns what the step returns, or nil and true.
local function sparing(step, ...)
  local isDone, result = pcall(step, ...)
  if isDone then return result end
  if not isDamage(result) then error(failure(result)) end
  return nil, true
end
