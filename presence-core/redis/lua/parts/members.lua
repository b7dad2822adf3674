-- The members of a user: a list of { id, score (runs until), lease (as it is kept), row (when it was loaded) }.

local function memberOf(act, session)
  local list = act.members
  for i = 1, #list do
    if list[i].id == session then return list[i] end
  end
end

-- Sessions that hold a slot (P4).
local function slotsTaken(act)
  return #act.members - (memberOf(act, '*') and 1 or 0)
end

-- Where the owner of a session changes from one to another ('' none): how many the sockets of a generation hold in a
-- shard (P9). That may be less, never more: what of a generation is not counted is not found when it is lost.
local function moveHeld(K, from, to)
  local former, generation = #from > 1 and match(from, '^s(.+)%.'), #to > 1 and match(to, '^s(.+)%.')
  if former == generation then return end
  if generation then call('HINCRBY', K .. 'held', generation, '1') end
  if former and call('HINCRBY', K .. 'held', former, '-1') <= 0 then call('HDEL', K .. 'held', former) end
end

-- Ends a member: set, row, counts, last seen, log, tombstone. Returns it.
-- staysOnline: another session is opened in the same step (P3, P5).
local function endSession(act, member, reason, at, staysOnline)
  loadRows(act)
  local K, user, list, row = act.K, act.user, act.members, member.row
  -- In an extension a session may begin, or switch, after its lease, or its node's, was over. Of a lost row the start is
  -- not known: it did not end before.
  at = math.max(at, row.startedAt + row.segmentMs)
  for i = 1, #list do
    if list[i] == member then table.remove(list, i) break end
  end
  local isMark = member.id == '*'
  local offline = #list == 0 and not staysOnline
  -- Counts and log first: should one of them fail, the session is there as before, and a recount mends the rest. (What a
  -- sweep ends is counted when it is done with the shard.)
  countSession(act, member, member.row, -1)
  addToCount(act, 't', isMark and 0 or -1, offline and -1 or 0)
  appendChange(act, 'c', member, at, { transition = offline and '-' or '', reason = reason })
  call('ZREM', act.set, member.id)
  call('HDEL', act.rows, user .. ' ' .. member.id)
  if offline then call('ZADD', K .. 'seen', at == now and nowText or fmt('%d', at), user) end
  setTombstone(K, user, member.id, reason)
  moveHeld(K, row.owner, '')
  return member
end

-- Ends a session of which only the row is left, as far as it tells: it is closed like one that expired now (P12).
local function endRowAlone(act, session, text)
  local member = { id = session, score = now, lease = now, row = parseRow(text) }
  act.members[#act.members + 1] = member
  endSession(act, member, 'timeout', now)
end

-- P1: sets and returns the user's live members. Those that expired end here; returns also how many these were.
local function liveMembers(act)
  local flat = call('ZRANGE', act.set, '0', '-1', 'WITHSCORES')
  local list, expired = {}, nil
  act.members = list
  for i = 1, #flat, 2 do
    local lease = tonumber(flat[i + 1])
    local member = { id = flat[i], score = runsUntil(act.K, lease), lease = lease, row = false }
    list[#list + 1] = member
    if member.score <= now then
      expired = expired or {}
      expired[#expired + 1] = member
    end
  end
  local over = expired and #expired or 0
  for i = 1, over do endSession(act, expired[i], 'timeout', expired[i].score) end
  return list, over
end
