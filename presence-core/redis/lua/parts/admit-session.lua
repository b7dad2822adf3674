-- Who gets a slot (P4-P6): admits a session that is not live, or refuses it.
local MAX_SESSIONS = 128

-- By code points, whatever the server's locale: so are the bytes of UTF-8. For '|' another character stands (rows.lua).
local function isIdBefore(a, b)
  a, b = string.gsub(a, '\31', '|'), string.gsub(b, '\31', '|')
  local i = 1
  while i <= #a and string.byte(a, i) == string.byte(b, i) do i = i + 1 end
  return (string.byte(a, i) or -1) < (string.byte(b, i) or -1)
end

-- Oldest first: by startedAt, then by id.
local function byAge(a, b)
  local x, y = tonumber(a.row.startedAt), tonumber(b.row.startedAt)
  if x ~= y then return x < y end
  return isIdBefore(a.id, b.id)
end

-- Adds the conflicts to what was displaced already, and a head.
local function refuse(act, out)
  local list, holders, nextFreeAt = act.members, {}, nil
  for i = 1, #list do
    local member = list[i]
    if member.id ~= '*' then
      holders[#holders + 1] = member
      if not nextFreeAt or member.score < nextFreeAt then nextFreeAt = member.score end
    end
  end
  table.sort(holders, byAge)
  for i = 1, #holders do out[#out + 1] = replyLine('conflict', holders[i]) end
  out[1] = fmt('refused|%d|%s|%d', #holders, act.max, nextFreeAt or now)
  return out
end

-- The row of a session that begins, now or when its caller says, or goes on where it was (P4, P10).
local function firstRow(act)
  local at, startedAt, segment, segmentMs = tonumber(act.beginning), nowText, '0', '0'
  if at then
    if at < now then startedAt = act.beginning end
  elseif act.beginning ~= '' then
    local known = goingOn(act)
    startedAt, segment = fmt('%d', known.startedAt), fmt('%d', known.segment)
    segmentMs = fmt('%d', math.max(0, known.segmentAt - known.startedAt))
  end
  local stream, dtype, country, state, device, meta = splitAttributes(act.attributes)
  return { owner = act.owner, limit = act.max, startedAt = startedAt, segment = segment, segmentMs = segmentMs,
    sequence = '0', stream = stream, dtype = dtype, country = country, state = state, device = device, meta = meta }
end

-- Adds the session to the user's. wasOnline: the user was online before this step.
local function addSession(act, wasOnline)
  local K, user, session = act.K, act.user, act.session
  local expiresAt = now + act.leaseMs
  local member = { id = session, score = expiresAt, row = firstRow(act) }
  loadRows(act)
  -- Counts and log first, as in endSession.
  countSession(act, member, member.row, 1)
  addToCount(act, 't', session == '*' and 0 or 1, wasOnline and 0 or 1)
  appendChange(act, 'o', member, now, { transition = wasOnline and '' or '+', reason = '' })
  moveHeld(K, '', act.owner)
  saveRow(act, member)
  call('ZADD', act.set, leaseText(K, expiresAt), session)
  if not wasOnline then call('ZREM', K .. 'seen', user) end
  fileEnd(K, act.bucket, user .. ' ' .. session, expiresAt)
  if session == '*' then noteMark(K, expiresAt) end
  return member
end

local function oldestOf(act)
  local list, oldest = act.members, nil
  for i = 1, #list do
    local member = list[i]
    if member.id ~= '*' and (not oldest or byAge(member, oldest)) then oldest = member end
  end
  return oldest
end

-- Returns the reply: `out` with a head, what the step displaced before, and what is displaced here.
-- wasOnline: the user was online before this step.
local function admitSession(act, out, wasOnline)
  local isMark = act.session == '*'
  local limit = isMark and math.huge or tonumber(act.max)
  -- If all its sessions make room, the new one is let in for certain, unless the limit is 0.
  local staysOnline = limit > 0
  for id in string.gmatch(act.replace, '[^|]+') do
    local member = id ~= '*' and memberOf(act, id)
    if member then out[#out + 1] = replyLine('replaced', endSession(act, member, 'replaced', now, staysOnline)) end
  end
  local taken = slotsTaken(act)
  if act.admittedTimes and limit < MAX_SESSIONS then limit = math.min(act.admittedTimes * math.max(limit, 1), MAX_SESSIONS) end
  if taken >= limit then loadRows(act) end
  while act.policy == 'e' and limit > 0 and taken >= limit do
    out[#out + 1] = replyLine('evicted', endSession(act, oldestOf(act), 'evicted', now, staysOnline))
    taken = taken - 1
  end
  if taken >= limit then return refuse(act, out) end
  local member = addSession(act, wasOnline)
  local row = member.row
  out[1] = fmt('opened|%d|%s|%s|%d|%s|%s', taken + (isMark and 0 or 1), act.max, row.startedAt, member.score, row.segment,
    row.segmentMs)
  return out
end
