-- Stands before the parts of sweep.lua, whose ARGV it reads: what one call may still do.
local leastMs, budget, buckets = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local ENDED_COSTS = 10
-- Sessions ended in the shard that is swept now.
local ended

-- 'user session', as rows are named in their bucket.
local function splitField(field)
  return match(field, '^(%S+) (%S+)$')
end
