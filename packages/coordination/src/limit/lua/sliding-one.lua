-- sliding-one: what most calls ask for, permits of one key in one tier, and they are there. It does what the rest of the script
-- would, without the setting up that the rest begins with: that costs as much again. It leaves to the rest whatever else is
-- asked for, a key that is new, a refusal, and a clock that was set back.
if #KEYS == 1 and ARGV[1] == 'consume' and ARGV[3] == '1' then
  local text, permits = redis.pcall('GET', KEYS[1]), tonumber(ARGV[6])
  if permits and type(text) == 'string' and #text == 54 then
    local limit, length = tonumber(ARGV[4]), tonumber(ARGV[5])
    local format = '>I6I4I4I4I4I4I4I4I4I4I4I4I4'
    local meter, current = { struct.unpack(format, text) }, math.floor(now / length)
    local last, used = meter[1], meter[2]
    if current >= last and current - last < 11 then
      for grain = last + 1, current do
        local slot = 3 + grain % 11
        used, meter[slot] = used - meter[slot], 0
      end
      used = used + permits
      if used <= limit then
        local slot = 3 + current % 11
        meter[1], meter[2], meter[slot] = current, used, meter[slot] + permits
        redis.call('SETRANGE', KEYS[1], '0', struct.pack(format, unpack(meter)))
        if current > last then
          redis.call('PEXPIRE', KEYS[1], ARGV[2])
        end
        return { now, 0, 0, limit - used, (current + 11) * length - now }
      end
    end
  end
end

