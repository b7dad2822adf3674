-- For the verbs that set and end leases (P9).

-- A silence is answered once: the next can only begin with a beat.
function keepAnswer(H, s)
  call('HSET', H .. 'shard', 'chain', s.chain, 'until', fmt('%d', s.till), 'silences', s.next - 1)
  call('HDEL', H .. 'shard', 'beatAt')
end

-- Ends a silence that no generation is left to answer (P9): another begins with a beat.
local function endUnanswered(H, s, beatAt)
  local flat = call('HGETALL', H .. 'shard')
  for i = 1, #flat, 2 do
    if match(flat[i], '^n:') and isWitness(tonumber(flat[i + 1]), beatAt, s.next) then return false end
  end
  call('HDEL', H .. 'shard', 'beatAt')
  call('HSET', H .. 'shard', 'silences', s.next)
  s.next = s.next + 1
  return true
end

local function markedLease(at, mark)
  return fmt('%.10f', at - mark)
end

-- The text of a lease that is set now: marked where it is set in an extension and ends before it. No extension outlasts
-- a lease as long as the grace.
local function leaseText(K, at)
  if at - now < STALL_GRACE_MS then
    local s = silenceOf(K)
    if s.till > at then return markedLease(at, markOf(tonumber(match(s.chain, '(%d+)=%d+$')))) end
  end
  return fmt('%d', at)
end

-- Has the sweep look at a session when its lease ends: at the session itself where that is soon, else at its bucket,
-- which is filed at the soonest of such ends. What is filed stays when the lease is renewed or the session ends.
-- field: 'user session'.
local function fileEnd(K, bucket, field, at)
  local text = fmt('%d', at)
  if at - now <= SHORT_MS then
    call('ZADD', K .. 'soon', text, bucket .. ' ' .. field)
  elseif call('ZADD', K .. 'due', 'LT', 'CH', text, bucket) == 0 then
    return
  end
  -- A shard that is not there yet the next sweep looks at as a whole.
  call('ZADD', homeOf(K) .. 'sweep', 'XX', 'LT', text, K)
end

-- A presence-only mark (session '*') runs until then. The home keeps an instant after which none runs ('marks'), so that
-- reads need not look for one in each user's set; it is set ahead, so that few marks write it. Without it any may run.
local MARKS_AHEAD_MS = 60000
local function noteMark(K, at)
  local key = homeOf(K) .. 'shard'
  local till = call('HGET', key, 'marks')
  if till and tonumber(till) < at then call('HSET', key, 'marks', fmt('%d', at + MARKS_AHEAD_MS)) end
end

-- Set in an extension, a lease may end before that, for which it was filed. text: of leaseText.
local function fileMarked(K, bucket, field, at, text)
  if string.find(text, '.', 1, true) then fileEnd(K, bucket, field, at) end
end

-- P9: true when the owner is a socket of a generation that has no running lease.
local leases, callersOwners
atBeginning(function() leases, callersOwners = {}, 's' .. caller .. '.' end)
local function fenced(K, owner)
  local node = sub(owner, 1, #callersOwners) == callersOwners and caller or match(owner, '^s(.+)%.')
  if not node then return false end
  local H = homeOf(K)
  local here = leases[H]
  if not here then
    here = {}
    leases[H] = here
  end
  local over = here[node]
  if over == nil then
    over = runsUntil(K, tonumber(call('HGET', H .. 'shard', 'n:' .. node) or 0)) <= now
    here[node] = over
  end
  return over
end
