#!lua flags=allow-oom
-- Ends all sessions of a user at once, each leaving a tombstone (P5).
-- ARGV, 3 an item: K, user, bucket.
-- Returns per item an array: a line per ended session.
local function kick(act)
  local lines, list = {}, liveMembers(act)
  while #list > 0 do lines[#lines + 1] = replyLine('kicked', endSession(act, list[1], 'kicked', now)) end
  return lines
end

return function()
  return forEachItem(1, 3, function(i)
    return kick(actOn(ARGV[i], ARGV[i + 1], '', ARGV[i + 2], ''))
  end)
end
