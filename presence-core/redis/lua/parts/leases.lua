-- Stands before the verbs that set and end leases (P9).

-- A silence is answered once: the next can only begin with a beat.
function keepAnswer(K, s)
  call('HSET', K .. 'shard', 'chain', s.chain, 'until', fmt('%d', s.till), 'silences', s.next - 1)
  call('HDEL', K .. 'shard', 'beatAt')
end

-- Ends a silence that no generation is left to answer (P9): another begins with a beat.
local function endUnanswered(K, s, beatAt)
  local flat = call('HGETALL', K .. 'shard')
  for i = 1, #flat, 2 do
    if match(flat[i], '^n:') and isWitness(tonumber(flat[i + 1]), beatAt, s.next) then return false end
  end
  call('HDEL', K .. 'shard', 'beatAt')
  call('HSET', K .. 'shard', 'silences', s.next)
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

-- Set in an extension, a lease may end before that, for which the bucket was filed. text: of leaseText.
local function fileShort(K, bucket, at, text)
  if string.find(text, '.', 1, true) then call('ZADD', K .. 'due', 'LT', fmt('%d', at), bucket) end
end

-- P9: true when the owner is a socket of a generation that has no running lease here.
local leases = {}
local callersOwners = 's' .. caller .. '.'
local function fenced(K, owner)
  local node = string.sub(owner, 1, #callersOwners) == callersOwners and caller or match(owner, '^s(.+)%.')
  if not node then return false end
  local here = leases[K]
  if not here then
    here = {}
    leases[K] = here
  end
  local over = here[node]
  if over == nil then
    local lease
    if node == caller then lease = stateOf(K).lease else lease = call('HGET', K .. 'shard', 'n:' .. node) end
    over = runsUntil(K, tonumber(lease or 0)) <= now
    here[node] = over
  end
  return over
end
