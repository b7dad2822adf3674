-- For what acts on all shards of a home: which these are.
local SHARDS_HERE
atBeginning(function() SHARDS_HERE = HOME and SHARDS or 1 end)

-- Key prefix of one of them, the first being 0.
local function shardOf(H, number)
  return HOME and PREFIX .. fmt('%d', number) .. '}:' or H
end
