-- Streams whose snapshots were asked for in the last hour are indexed (P11). K..'w' zset, all scores 0: 'stream bucket
-- user session', the bucket in three digits; K..'watch' hash: stream -> 'until|walked|drift', the instant until which it is
-- watched, the place at which the walk over the rows that fills the index has seen each bucket since it began, and by how
-- much the index then differed from the count;
-- in its field '' the place of the walk, which counts buckets and never goes back. All of it holds while `watched` of
-- the shard's state lies ahead; what is left from before is worth nothing.

local function indexMember(bucket, stream, user, session)
  return stream .. ' ' .. fmt('%03d', bucket) .. ' ' .. user .. ' ' .. session
end

-- A session came to a stream (sign 1) or went (-1). watched: of the shard's state. An index that is damaged fails nothing
-- but is seen to differ from the count of the stream.
local function indexSession(act, session, stream, sign, watched)
  local K = act.K
  if watched <= now or redis.pcall('HEXISTS', K .. 'watch', stream) ~= 1 then return end
  local member = indexMember(act.bucket, stream, act.user, session)
  if sign > 0 then redis.pcall('ZADD', K .. 'w', '0', member) else redis.pcall('ZREM', K .. 'w', member) end
end
