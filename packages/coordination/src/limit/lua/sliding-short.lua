-- sliding-short: what most calls ask for, permits of a key in one tier, and they are there. It does what the rest of the script
-- would, without the setting up that the rest begins with, and leaves to it whatever else is asked for, a key that is new, a
-- refusal, and a clock that was set back.
if ARGV[1] == 'consume' and ARGV[3] == '1' then
  local call, try, sub, pack, unpack_from = redis.call, redis.pcall, string.sub, struct.pack, struct.unpack
  local limit, length = tonumber(ARGV[4]), tonumber(ARGV[5])
  local current = math.floor(now / length)
  local place, format = current % 11, '>I6I4I4I4I4I4I4I4I4I4I4I4I4'
  local at = 11 + 4 * place
  reply[2] = (current + 11) * length - now

  -- Notes the permits in a grain that was begun before; returns how many count, or nil.
  local function in_this_grain(key, text, used, permits)
    used = used + permits
    if used <= limit then
      local noted = pack('>I4', unpack_from('>I4', text, at) + permits)
      text = sub(text, 1, 6) .. pack('>I4', used) .. sub(text, 11, at - 1) .. noted .. sub(text, at + 4)
      call('SETRANGE', key, '0', text)
      return used
    end
  end

  -- Notes them in a new one.
  local function in_a_new_grain(key, text, last, used, permits)
    local meter = { unpack_from(format, text) }
    for grain = last + 1, current do
      local slot = 3 + grain % 11
      used, meter[slot] = used - meter[slot], 0
    end
    used = used + permits
    if used <= limit then
      meter[1], meter[2], meter[3 + place] = current, used, permits
      call('SETRANGE', key, '0', pack(format, unpack(meter)))
      call('PEXPIRE', key, ARGV[2])
      return used
    end
  end

  -- Whether it was answered.
  short = function(key, asked)
    local text, permits = try('GET', key), asked == '1' and 1 or tonumber(asked)
    if not permits or type(text) ~= 'string' or #text ~= 54 then
      return false
    end
    local last, used = unpack_from('>I6I4', text)
    if current == last then
      used = in_this_grain(key, text, used, permits)
    elseif current > last and current - last < 11 then
      used = in_a_new_grain(key, text, last, used, permits)
    else
      return false
    end
    if used then
      size = size + 1
      reply[size] = used - limit - 1
    end
    return used ~= nil
  end

  while KEYS[item] and short(KEYS[item], ARGV[5 + item]) do
    item = item + 1
  end
  if item > #KEYS then
    return reply
  end
end
