-- Stands behind prelude.lua in the verbs that write. A row is what is kept of one session, joined with '|' (P13 keeps
-- '|' out of every part but the last): owner, limit, startedAt, segment, segmentStartedAt - startedAt, sequence of its
-- last log entry, stream, device type, country, state, device, meta.
-- owner: 's<node>.<connection>', 's' detached, 'h' heartbeat, 'g' guard, 'p' presence-only.
local function parseRow(text)
  local r = {}
  r.owner, r.limit, r.startedAt, r.segment, r.segmentMs, r.sequence, r.stream, r.dtype, r.country, r.state, r.device, r.meta =
    match(text, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  return r
end

-- Stands in for a row that somebody deleted by hand, so that no verb stops half done.
local LOST_ROW = 's|0|' .. fmt('%d', now) .. '|0|0|0||||||'

local function rowText(r)
  return table.concat({ r.owner, r.limit, r.startedAt, r.segment, r.segmentMs, r.sequence, r.stream, r.dtype, r.country,
    r.state, r.device, r.meta }, '|')
end

local function saveRow(K, bucket, user, session, r)
  call('HSET', K .. 'm:' .. bucket, user .. ' ' .. session, rowText(r))
end

-- One line of a reply: what befell the session, when it expires, its id, its row.
local function line(what, m)
  return what .. '|' .. fmt('%d', m.score) .. '|' .. m.id .. '|' .. rowText(m.row)
end

-- P12: sessions and distinct users of one thing, in one number: sessions * 1e9 + users. At zero it is deleted.
local function bump(K, field, sessions, users)
  local by = sessions * 1000000000 + users
  if by ~= 0 and call('HINCRBY', K .. 'n', field, fmt('%d', by)) == 0 then call('HDEL', K .. 'n', field) end
end

local DIMENSIONS = {
  { 's:', function(r) return r.stream end },
  { 'd:', function(r) return r.dtype end },
  { 'c:', function(r) return r.country end },
  { 'l:', function(r) return r.country ~= '' and r.state ~= '' and r.country .. '/' .. r.state or '' end },
}

-- P12: adds (sign 1) or takes away (-1) a session's counts by its row, but those it shares with the row `as`; `others`
-- are the user's other members, that may hold the same stream or device and so keep the user counted there.
local function tally(K, session, row, others, sign, as)
  if session == '*' then return end
  for d = 1, 4 do
    local prefix, of = DIMENSIONS[d][1], DIMENSIONS[d][2]
    local key = of(row)
    if key ~= '' and not (as and of(as) == key) then
      local users = sign
      for i = 1, #others do
        if others[i].id ~= '*' and of(others[i].row) == key then users = 0 break end
      end
      bump(K, prefix .. key, sign, users)
    end
  end
end

-- P11: appends one change, `epoch-*` numbers the entries of an epoch without a hole, from 0; a sequence is that plus 1.
-- Sets the row's sequence.
local epochs = {}
local function append(K, kind, user, session, r, at, transition, reason, p)
  local epoch = epochs[K]
  if not epoch then
    epoch = call('HGET', K .. 'shard', 'epoch')
    if not epoch then
      epoch = fmt('%d', now)
      call('HSET', K .. 'shard', 'epoch', epoch)
    end
    epochs[K] = epoch
  end
  local entry = table.concat({ kind, user, session, string.sub(r.owner, 1, 1), fmt('%d', at), r.startedAt, r.segment,
    r.segmentMs, r.stream, r.dtype, r.country, r.state, transition, reason }, '|')
  if p then
    entry = entry .. '|' .. table.concat({ p.stream, p.dtype, p.country, p.state, p.segment, p.segmentMs }, '|')
  end
  local id = call('XADD', K .. 'log', 'MAXLEN', '~', LOG_MAX, epoch .. '-*', 'c', entry)
  r.sequence = fmt('%d', match(id, '%-(%d+)$') + 1)
end

local function loadRows(K, bucket, user, list)
  local fields, missing = {}, {}
  for i = 1, #list do
    if not list[i].row then
      fields[#fields + 1] = user .. ' ' .. list[i].id
      missing[#missing + 1] = list[i]
    end
  end
  if #fields == 0 then return end
  local rows = call('HMGET', K .. 'm:' .. bucket, unpack(fields))
  for i = 1, #missing do missing[i].row = parseRow(rows[i] or LOST_ROW) end
end

-- Ends member i of a user's list: set, row, counts, last seen, log, tombstone. Returns it.
-- successor: another session is opened in the same step, so the user stays online (P3, P5).
local function finish(K, bucket, user, list, i, reason, at, successor)
  loadRows(K, bucket, user, list)
  local m = table.remove(list, i)
  call('ZREM', K .. 'u:' .. user, m.id)
  call('HDEL', K .. 'm:' .. bucket, user .. ' ' .. m.id)
  tally(K, m.id, m.row, list, -1)
  local offline = #list == 0 and not successor
  bump(K, 't', m.id == '*' and 0 or -1, offline and -1 or 0)
  if offline then call('ZADD', K .. 'seen', fmt('%d', at), user) end
  append(K, 'c', user, m.id, m.row, at, offline and '-' or '', reason)
  if TOMB_CODES[reason] then
    call('ZADD', K .. 'tomb', fmt('%d', (now + TOMB_MS) * 10 + TOMB_CODES[reason]), user .. ' ' .. m.id)
  end
  return m
end

-- P1: the user's live members, soonest expiry first. Those that expired end here; those a stall covers are extended.
local function liveMembers(K, bucket, user)
  local flat = call('ZRANGE', K .. 'u:' .. user, 0, -1, 'WITHSCORES')
  local list, over = {}, 0
  for i = 1, #flat, 2 do
    local m = { id = flat[i], score = tonumber(flat[i + 1]) }
    list[#list + 1] = m
    if m.score <= now then
      local untilAt = runsUntil(K, m.score)
      if untilAt > now then
        m.score = untilAt
        call('ZADD', K .. 'u:' .. user, fmt('%d', untilAt), m.id)
      else
        over = over + 1
      end
    end
  end
  local i = 1
  while over > 0 do
    if list[i].score <= now then
      finish(K, bucket, user, list, i, 'timeout', list[i].score)
      over = over - 1
    else
      i = i + 1
    end
  end
  return list
end

local function indexOf(list, session)
  for i = 1, #list do
    if list[i].id == session then return i end
  end
end

-- P4: sessions that hold a slot.
local function slots(list)
  return #list - (indexOf(list, '*') and 1 or 0)
end

-- Takes new attributes over ('' keeps the old) and logs those that readers of the log see (P11).
-- former: what a session is to be that is restored over an earlier state of itself, as after a failover (P10).
-- Returns true when the row changed and must be saved.
local function change(K, user, m, others, stream, dtype, country, state, device, meta, former)
  local r, p = m.row, {}
  for k, v in pairs(r) do p[k] = v end
  if stream ~= '' then r.stream = stream end
  if dtype ~= '' then r.dtype = dtype end
  if country ~= '' then r.country = country end
  if state ~= '' then r.state = state end
  local unlogged = (device ~= '' and device ~= r.device) or (meta ~= '' and meta ~= r.meta)
  if device ~= '' then r.device = device end
  if meta ~= '' then r.meta = meta end
  local behind = former and former.startedAt == tonumber(r.startedAt) and former.segment > tonumber(r.segment)
  if not behind and r.stream == p.stream and r.dtype == p.dtype and r.country == p.country and r.state == p.state then
    return unlogged
  end
  if behind then
    r.segment = fmt('%d', former.segment)
    r.segmentMs = fmt('%d', math.max(0, former.segmentAt - former.startedAt))
  elseif r.stream ~= p.stream then
    r.segment = fmt('%d', r.segment + 1)
    r.segmentMs = fmt('%d', now - r.startedAt)
  end
  tally(K, m.id, p, others, -1, r)
  tally(K, m.id, r, others, 1, p)
  append(K, 'u', user, m.id, r, now, '', '', p)
  return true
end

-- Lowers the instant at which the sweep looks at a bucket.
local function fileDue(K, bucket, at)
  call('ZADD', K .. 'due', 'LT', fmt('%d', at), bucket)
end
