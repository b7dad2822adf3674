-- Key prefix of one of the SHARDS_HERE shards of a home, the first being 0.
local function shardOf(H, number)
  return HOME and PREFIX .. fmt('%d', number) .. '}:' or H
end
