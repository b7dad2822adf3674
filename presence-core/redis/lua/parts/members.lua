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

-- Ends a member: set, row, counts, last seen, log, tombstone. Returns it.
-- staysOnline: another session is opened in the same step (P3, P5).
local function endSession(act, member, reason, at, staysOnline)
  loadRows(act)
  local K, user, list, row = act.K, act.user, act.members, member.row
  -- In an extension a session may begin, or switch, after its lease, or its node's, was over.
  at = math.max(at, row.startedAt + row.segmentMs)
  for i = 1, #list do
    if list[i] == member then table.remove(list, i) break end
  end
  local isMark = member.id == '*'
  call('ZREM', act.set, member.id)
  call('HDEL', act.rows, user .. ' ' .. member.id)
  countSession(act, member, row, -1)
  local offline = #list == 0 and not staysOnline
  addToCount(K, 't', isMark and 0 or -1, offline and -1 or 0)
  if offline then call('ZADD', K .. 'seen', fmt('%d', at), user) end
  appendChange(act, 'c', member, at, { transition = offline and '-' or '', reason = reason })
  if TOMB_CODES[reason] then
    call('ZADD', K .. 'tomb', fmt('%d', (now + TOMB_MS) * 10 + TOMB_CODES[reason]), user .. ' ' .. member.id)
  end
  return member
end

-- P1: sets and returns the user's live members. Those that expired end here.
local function liveMembers(act)
  local flat = call('ZRANGE', act.set, 0, -1, 'WITHSCORES')
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
  for i = 1, expired and #expired or 0 do endSession(act, expired[i], 'timeout', expired[i].score) end
  return list
end

-- Lowers the instant at which the sweep looks at the user's bucket.
local function fileDue(act, at)
  call('ZADD', act.K .. 'due', 'LT', fmt('%d', at), act.bucket)
end
