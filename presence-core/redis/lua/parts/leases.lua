-- Whether a lease runs: a node's or a session's, also after a silence of the shard (P9).
-- A lease has lapsed unless a stall of the shard extended it. Reads the shard's state only when a lease is over.
local extended = {}
local function extension(K)
  local e = extended[K]
  if not e then
    local v = call('HMGET', K .. 'shard', 'from', 'until', 'beatAt', 'leaseMs')
    e = { from = tonumber(v[1]) or 0, till = tonumber(v[2]) or 0 }
    local beatAt, leaseMs = tonumber(v[3]), tonumber(v[4])
    if beatAt and now - beatAt > leaseMs / 2 then
      e.from, e.till = beatAt, now + STALL_GRACE_MS
      call('HSET', K .. 'shard', 'from', fmt('%d', e.from), 'until', fmt('%d', e.till))
      -- A silence is answered once: the next can only begin with a beat.
      call('HDEL', K .. 'shard', 'beatAt')
    end
    extended[K] = e
  end
  return e
end

-- A lease that is set while an extension runs, and ends before it, is marked by a fraction of a millisecond that names
-- the extension, which then does not lift it; a later one does. In 1024ths, so that no digit is lost.
local function markOf(e)
  return (e.till % 1000 + 1) / 1024
end

-- The text of a lease that may be shorter than an extension.
local function leaseEnd(K, at)
  local e = extension(K)
  if e.till > at then return fmt('%.10f', at + markOf(e)) end
  return fmt('%d', at)
end

-- The instant until which a lease of this score runs: the score, or the end of the extension that covers it.
local function runsUntil(K, score)
  if score > now then return score end
  local e = extension(K)
  if e.till > now and score > e.from and score % 1 ~= markOf(e) then return e.till end
  return score
end

-- P9: true when the owner is a socket of a generation that has no running lease here.
local leases = {}
local function fenced(K, owner)
  local node = match(owner, '^s(.+)%.')
  if not node then return false end
  local here = leases[K]
  if not here then
    here = {}
    leases[K] = here
  end
  local over = here[node]
  if over == nil then
    over = runsUntil(K, tonumber(call('HGET', K .. 'shard', 'n:' .. node) or 0)) <= now
    here[node] = over
  end
  return over
end
