-- For every verb that judges leases, reads among them: what a silence extends (P9), as
-- ../../silence.ts has it. A lease is kept as its true end; an extension is applied when it is looked at.

-- The end of a lease that a silence does not extend is marked with the silence's number: a fraction of a millisecond
-- below the end, in 1024ths, so that no digit is lost and a comparison with a whole instant is exact.
local function markOf(number)
  return (number % 1022 + 2) / 1024
end

-- Marks what no silence extends: a lease that was given up.
local GIVEN_UP = 1 / 1024

local function isMarked(lease, number)
  local mark = math.ceil(lease) - lease
  return mark == markOf(number) or mark == GIVEN_UP
end

-- Whether a generation's lease ran when the home fell silent and it did not join in the silence of that number.
local function isWitness(lease, beatAt, number)
  return lease ~= nil and lease > beatAt and not isMarked(lease, number)
end

-- Of leases.lua, which comes later: keeps an answer that this call gives.
local keepAnswer

-- The newest answered silence of the shard's home. `chain` is it, and before it those that each began in the extension of the one
-- before: 'number=beganAt ...', the newest last. What they extended, it extends on, to `till`. A silence that lasts has
-- the number `next`. It is answered now when the caller is its witness; else `beatAt` is when it began.
-- Reads the home's state, once a call.
local silences
atBeginning(function() silences = {} end)
local function silenceOf(K)
  local H = homeOf(K)
  local s = silences[H]
  if s then return s end
  local v = call('HMGET', H .. 'shard', 'chain', 'until', 'silences', 'beatAt', 'leaseMs', 'n:' .. caller)
  s = { chain = v[1] or '', till = tonumber(v[2]) or 0, next = (tonumber(v[3]) or 0) + 1 }
  silences[H] = s
  local beatAt, leaseMs = tonumber(v[4]), tonumber(v[5])
  if beatAt and now - beatAt > leaseMs / 2 then
    if isWitness(tonumber(v[6]), beatAt, s.next) then
      local former = s.till > beatAt and s.chain .. ' ' or ''
      -- At most 8.
      local _, earlier = string.gsub(former, ' ', ' ')
      if earlier >= 8 then former = match(former, ' (.*)$') end
      s.chain = former .. fmt('%d=%d', s.next, beatAt)
      s.till, s.next = now + STALL_GRACE_MS, s.next + 1
      if mayWrite then keepAnswer(H, s) end
    else
      s.beatAt = beatAt
    end
  end
  return s
end

-- The instant until which a lease runs: its true end, or the end of the extension that covers it.
local function runsUntil(K, lease)
  if lease > now then return math.ceil(lease) end
  local s = silenceOf(K)
  if s.till <= now then return math.ceil(lease) end
  -- One that is marked was set in an extension: only later silences extend it.
  local isWhole, by, isNext = math.ceil(lease) == lease, nil, false
  for number, beganAt in string.gmatch(s.chain, '(%d+)=(%d+)') do
    if isNext or not by then by = tonumber(beganAt) end
    isNext = not isWhole and isMarked(lease, tonumber(number))
    if isWhole then break end
  end
  local isExtended = by and not isNext and lease > by
  return isExtended and s.till or math.ceil(lease)
end
