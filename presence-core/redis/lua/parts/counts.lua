-- Counts of live sessions and distinct users (P12).
local ONE_SESSION = 1000000000

-- What is added, as text: numbers are slow to write.
local BY = { [1000000001] = '1000000001', [1000000000] = '1000000000', [1] = '1', [-1] = '-1',
  [-1000000000] = '-1000000000', [-1000000001] = '-1000000001' }

-- A count is one number, sessions * 1e9 + users. At zero it is deleted.
local function addToHash(key, field, by)
  if call('HINCRBY', key, field, by) == 0 then call('HDEL', key, field) end
end

-- What is to be added once a verb that ends many sessions is done with a shard: key -> field -> number. nil: at once.
local gathered
atBeginning(function() gathered = nil end)

local function gatherCounts()
  gathered = {}
end

-- Adds what was gathered. What it fails on keeps it from nothing else.
local function addGathered()
  local all, problem = gathered, nil
  gathered = nil
  for key, sums in pairs(all) do
    for field, by in pairs(sums) do
      if by ~= 0 then
        local isAdded, why = pcall(addToHash, key, field, fmt('%d', by))
        if not isAdded then problem = why end
      end
    end
  end
  if problem then error(failure(problem)) end
end

local function addOne(key, field, by)
  if not gathered then return addToHash(key, field, BY[by]) end
  local sums = gathered[key]
  if not sums then
    sums = {}
    gathered[key] = sums
  end
  sums[field] = (sums[field] or 0) + by
end

-- One session and one distinct user more or less (-1, 0, 1) of one thing. What a recount has counted already follows
-- (recount.lua).
local function addToCount(act, field, sessions, users)
  local by = sessions * ONE_SESSION + users
  if by == 0 or act.isUncounted then return end
  local K = act.K
  addOne(K .. 'n', field, by)
  local walked = stateOf(K).walked
  if walked > 0 and tonumber(act.bucket) < walked then addOne(K .. 'r', field, by) end
end

-- Stream, device type, country, state: prefix of the counts' fields, and what a row counts for; '' nothing.
local DIMENSIONS = { 's:', 'd:', 'c:', 'l:' }
local function keyOf(row, dimension)
  if dimension == 1 then return row.stream end
  if dimension == 2 then return row.dtype end
  if dimension == 3 then return row.country end
  return row.country ~= '' and row.state ~= '' and row.country .. '/' .. row.state or ''
end

-- Adds (sign 1) or takes away (-1) what a member counts for by this row, but what it has in common with the row
-- `unchanged`. The user's other members may hold the same stream or device and so keep the user counted there.
local function countSession(act, member, row, sign, unchanged)
  if member.id == '*' then return end
  local others = act.members
  for d = 1, 4 do
    local key = keyOf(row, d)
    if key ~= '' and not (unchanged and keyOf(unchanged, d) == key) then
      local users = sign
      for i = 1, #others do
        local other = others[i]
        if other ~= member and other.id ~= '*' and keyOf(other.row, d) == key then users = 0 break end
      end
      addToCount(act, DIMENSIONS[d] .. key, sign, users)
      if d == 1 then indexSession(act, member.id, key, sign, stateOf(act.K).watched) end
    end
  end
end
