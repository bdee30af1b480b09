-- tiers: what the policy says. Each kind gives the two numbers of a tier a meaning.
local firsts, seconds = {}, {}
for i = 1, tonumber(ARGV[3]) do
  firsts[i], seconds[i] = tonumber(ARGV[2 + 2 * i]), tonumber(ARGV[3 + 2 * i])
end

