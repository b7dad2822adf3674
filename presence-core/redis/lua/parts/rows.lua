-- Rows and the replies made of them. A row is what is kept of one session, joined with '|': owner, limit, startedAt,
-- segment, segmentStartedAt - startedAt, sequence of its last log entry, stream, device type, country, state, device, meta.
-- Only meta may hold a '|': labels have none, and in ids, here as in all of a shard, '\31' stands for it (keys.ts).
-- owner: 's<node>.<connection>', 's' detached, 'h' heartbeat, 'g' guard, 'p' presence-only.

-- What a verb acts on: a user of a shard, and one of the user's sessions. `members` is set by liveMembers.
local NO_MEMBERS = {}
local function actOn(K, user, session, bucket, owner)
  return { K = K, user = user, session = session, bucket = bucket, owner = owner, set = K .. 'u:' .. user,
    rows = K .. 'm:' .. bucket, members = NO_MEMBERS }
end

-- Stands in for a row that is gone or cannot be read, so that no verb stops half done.
local function lostRow()
  return { owner = 's', limit = '0', startedAt = nowText, segment = '0', segmentMs = '0', sequence = '0', stream = '',
    dtype = '', country = '', state = '', device = '', meta = '', isLost = true }
end

-- text: false where there is none.
local function parseRow(text)
  if not text then return lostRow() end
  local owner, limit, startedAt, segment, segmentMs, sequence, stream, dtype, country, state, device, meta =
    match(text, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  if not tonumber(startedAt) or not tonumber(segmentMs) then return lostRow() end
  return { owner = owner, limit = limit, startedAt = startedAt, segment = segment, segmentMs = segmentMs,
    sequence = sequence, stream = stream, dtype = dtype, country = country, state = state, device = device, meta = meta }
end

local function rowText(row)
  return row.owner .. '|' .. row.limit .. '|' .. row.startedAt .. '|' .. row.segment .. '|' .. row.segmentMs .. '|'
    .. row.sequence .. '|' .. row.stream .. '|' .. row.dtype .. '|' .. row.country .. '|' .. row.state .. '|'
    .. row.device .. '|' .. row.meta
end

local function saveRow(act, member)
  call('HSET', act.rows, act.user .. ' ' .. member.id, rowText(member.row))
end

-- Reads the rows of all of the user's members that have none yet.
local function loadRows(act)
  local list = act.members
  if #list == 1 then
    -- As of nearly all users.
    local only = list[1]
    if not only.row then only.row = parseRow(call('HGET', act.rows, act.user .. ' ' .. only.id)) end
    return
  end
  local fields, missing = {}, {}
  for i = 1, #list do
    if not list[i].row then
      fields[#fields + 1] = act.user .. ' ' .. list[i].id
      missing[#missing + 1] = list[i]
    end
  end
  if #fields == 0 then return end
  local rows = call('HMGET', act.rows, unpack(fields))
  for i = 1, #missing do missing[i].row = parseRow(rows[i]) end
end

-- One line of a reply: what became of the session, when it expires, its id, its row.
local function replyLine(what, member)
  return what .. '|' .. fmt('%d', member.score) .. '|' .. member.id .. '|' .. rowText(member.row)
end
