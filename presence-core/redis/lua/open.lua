-- Admission (P4-P7, P10), one atomic step per item.
-- ARGV, 13 an item: K, user, session, bucket, owner, leaseMs, limit ('' none), policy ('r' reject, 'e' evict-oldest),
--   replace (ids joined with '|'), intent ('f' fresh, 'r' resume, 'l' only if live, 'b' beat, 'x' restore),
--   what was forgotten ('startedAt|segment|segmentStartedAt' with restore, or ''),
--   '|stream|device type|country|state|device|meta' ('' keeps what is known), default limit.
-- Returns per item an array: a head 'opened|current|max|startedAt|expiresAt|segment|segmentStartedAt - startedAt'
--   (or 'renewed', 'held'), 'refused|current|max|nextFreeAt', 'ended|reason', 'gone' or 'fenced'; then a line per
--   displaced session (what = reason or 'moved') and per conflict (what = 'conflict').
local MAX_SESSIONS = 128

local function older(a, b)
  local x, y = tonumber(a.row.startedAt), tonumber(b.row.startedAt)
  if x ~= y then return x < y end
  return a.id < b.id
end

-- P10: what a session was that the store forgot, wholly or since a moment ago.
local function parseFormer(text)
  local startedAt, segment, segmentAt = match(text, '^(%d+)|(%d+)|(%d+)$')
  if not startedAt then return nil end
  return { startedAt = math.min(startedAt, now), segment = tonumber(segment), segmentAt = math.min(segmentAt, now) }
end

local function renewLive(K, user, session, bucket, list, i, owner, leaseMs, max, intent, former, a, out)
  loadRows(K, bucket, user, list)
  local m = table.remove(list, i)
  local r = m.row
  local what = 'renewed'
  local heldBySocket = #r.owner > 1
  if intent == 'b' and heldBySocket then
    what = 'held'
  else
    local dirty = r.owner ~= owner or r.limit ~= max
    if heldBySocket and r.owner ~= owner then out[#out + 1] = line('moved', m) end
    r.owner, r.limit = owner, max
    if change(K, user, m, list, a[1], a[2], a[3], a[4], a[5], a[6], former) then dirty = true end
    if now + leaseMs > m.score then
      m.score = now + leaseMs
      call('ZADD', K .. 'u:' .. user, fmt('%d', m.score), session)
    end
    if dirty then saveRow(K, bucket, user, session, r) end
  end
  local current = slots(list) + (session == '*' and 0 or 1)
  out[1] = fmt('%s|%d|%s|%s|%d|%s|%s', what, current, max, r.startedAt, m.score, r.segment, r.segmentMs)
end

local function refuse(list, max, out)
  local rows = {}
  local nextFree = nil
  for i = 1, #list do
    if list[i].id ~= '*' then
      rows[#rows + 1] = list[i]
      if not nextFree or list[i].score < nextFree then nextFree = list[i].score end
    end
  end
  table.sort(rows, older)
  for i = 1, #rows do out[#out + 1] = line('conflict', rows[i]) end
  out[1] = fmt('refused|%d|%s|%d', #rows, max, nextFree or now)
end

local function admit(K, user, session, bucket, list, owner, leaseMs, max, policy, replace, intent, former, a, out)
  local limit = session == '*' and math.huge or tonumber(max)
  local online = #list == 0
  -- If all its sessions make room, the new one is let in for certain, unless the limit is 0.
  local successor = limit > 0
  for id in string.gmatch(replace, '[^|]+') do
    local i = indexOf(list, id)
    if i and id ~= '*' then out[#out + 1] = line('replaced', finish(K, bucket, user, list, i, 'replaced', now, successor)) end
  end
  local taken = slots(list)
  if intent == 'x' and limit < MAX_SESSIONS then limit = MAX_SESSIONS end
  if taken >= limit then loadRows(K, bucket, user, list) end
  while policy == 'e' and limit > 0 and taken >= limit do
    local oldest
    for i = 1, #list do
      if list[i].id ~= '*' and (not oldest or older(list[i], list[oldest])) then oldest = i end
    end
    out[#out + 1] = line('evicted', finish(K, bucket, user, list, oldest, 'evicted', now, successor))
    taken = taken - 1
  end
  if taken >= limit then return refuse(list, max, out) end

  local began, segment, segmentMs = fmt('%d', now), '0', '0'
  if former then
    began, segment = fmt('%d', former.startedAt), fmt('%d', former.segment)
    segmentMs = fmt('%d', math.max(0, former.segmentAt - former.startedAt))
  end
  local row = { owner = owner, limit = max, startedAt = began, segment = segment, segmentMs = segmentMs, sequence = '0',
    stream = a[1], dtype = a[2], country = a[3], state = a[4], device = a[5], meta = a[6] }
  local expiresAt = fmt('%d', now + leaseMs)
  loadRows(K, bucket, user, list)
  call('ZADD', K .. 'u:' .. user, expiresAt, session)
  tally(K, session, row, list, 1)
  bump(K, 't', session == '*' and 0 or 1, online and 1 or 0)
  if online then call('ZREM', K .. 'seen', user) end
  append(K, 'o', user, session, row, now, online and '+' or '', '')
  saveRow(K, bucket, user, session, row)
  fileDue(K, bucket, now + leaseMs)
  out[1] = fmt('opened|%d|%s|%s|%s|%s|%s', taken + (session == '*' and 0 or 1), max, began, expiresAt, segment, segmentMs)
end

local function open(K, user, session, bucket, owner, leaseMs, limit, policy, replace, intent, forgotten, attributes, default)
  if fenced(K, owner) then return { 'fenced' } end
  local reason = tombstone(K, user, session)
  if reason then
    if intent ~= 'f' then return { 'ended|' .. reason } end
    call('ZREM', K .. 'tomb', user .. ' ' .. session)
  end
  local list = liveMembers(K, bucket, user)
  local i = indexOf(list, session)
  if intent == 'l' and not i then return { 'gone' } end
  local max = maxOf(K, user, limit, default)
  local a = { match(attributes, '^|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$') }
  local out = { '' }
  local former = intent == 'x' and parseFormer(forgotten) or nil
  if i then
    renewLive(K, user, session, bucket, list, i, owner, leaseMs, max, intent, former, a, out)
  else
    admit(K, user, session, bucket, list, owner, leaseMs, max, policy, replace, intent, former, a, out)
  end
  return out
end

for i = at, #ARGV, 13 do
  local v = ARGV
  replies[#replies + 1] = keep(i) or open(v[i], v[i + 1], v[i + 2], v[i + 3], v[i + 4], tonumber(v[i + 5]), v[i + 6], v[i + 7],
    v[i + 8], v[i + 9], v[i + 10], v[i + 11], v[i + 12])
end
return replies
