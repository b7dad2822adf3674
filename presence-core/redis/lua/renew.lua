#!lua flags=allow-oom
-- Extends leases (P2, P7). Writes the users' sets only. The busiest verb by far, so what a group shares is done once.
-- ARGV: groups of one shard, node and lease: K, node ('' when no socket), leaseMs, number of items,
--   then 5 an item: key of the user's set, key of the row's hash, 'user session', session, owner.
-- Returns per item: 'renewed|expiresAt', 'gone', 'moved', 'fenced', 'ended|reason', or an error that is its own.
local v, replies, find, byte
local BAR = 124

local function miss(K, field)
  local reason = tombstone(K, match(field, '^(%S+) (%S+)$'))
  return reason and 'ended|' .. reason or 'gone'
end

local i, n, last
-- Of the group; `renewed` once its own keys were read.
local K, node, at, atText, renewed, isShort, out

-- Carries out the rest of the group.
local function renewGroup()
  if not renewed then
    out = node ~= '' and fenced(K, 's' .. node .. '.')
    atText = leaseText(K, at)
    isShort = find(atText, '.', 1, true)
    renewed = 'renewed|' .. fmt('%d', at)
  end
  local call, now, v, replies, K, at, last, out = call, now, v, replies, K, at, last, out
  while i <= last do
    n = n + 1
    local key, field, session, owner = v[i], v[i + 2], v[i + 3], v[i + 4]
    local reply = 'fenced'
    if not out then
      local row = call('HGET', v[i + 1], field)
      local score = row and tonumber(call('ZSCORE', key, session))
      if not score or (score <= now and runsUntil(K, score) <= now) then
        reply = miss(K, field)
      elseif byte(row, #owner + 1) ~= BAR or find(row, owner, 1, true) ~= 1 then
        reply = 'moved'
      elseif at <= score then
        reply = 'renewed|' .. fmt('%d', math.ceil(score))
      else
        call('ZADD', key, atText, session)
        if isShort then fileMarked(K, match(v[i + 1], ':m:(.*)$'), field, at, atText) end
        reply = renewed
      end
    end
    replies[n] = reply
    i = i + 5
  end
end

return function()
  v, replies, find, byte = ARGV, {}, string.find, string.byte
  i, n = 1, 0
  local total = #v
  while i <= total do
    K, node, at, last, renewed = v[i], v[i + 1], now + v[i + 2], i + 3 + v[i + 3] * 5, nil
    i = i + 4
    while i <= last do
      local before = n
      local isDone, problem = pcall(renewGroup)
      if not isDone then
        -- The whole group one by one, where its own keys cannot be read.
        if n == before then n = n + 1 end
        replies[n] = failure(problem)
        i = i + 5
      end
    end
  end
  return replies
end
