#!lua flags=allow-oom
-- locks: carries out what the callers of one turn ask of their resources, each in turn and each for itself.
--
-- KEYS   of each: 1 state, 2 queue, 3 waiters
-- ARGV   1 permits of a resource: 1 makes it a lock; 2 PUBLISH or SPUBLISH; 3 the channel of a process without its name
--        then of each: operation, token, ms, turn; only who waits needs a turn, the number of his ask
-- reply  of each: an answer as its operation has it, or {'message'} when its keys hold something else
--
-- state    string: `<fence> <queued> <holders> <void>`: the last fence that was given; 1 when there may be a queue, else 0;
--          each token that holds a permit, with the server time in ms at which its lease ends, as `ends=token,ends=token`;
--          and in the same way those that were given up, with the time until which they stay void
-- queue    list: the tokens that wait, in the order in which they came
-- waiters  hash: each of them, as `<alive> <turn>`: the server time until which it counts as alive without asking again, and
--          the number of its last ask
--
-- A token is `<process>:<number>`. Asking again with the same one is harmless: who holds a permit keeps it, for a whole
-- lease from now; who waits keeps its place. So whoever did not get an answer asks again. A process listens on a channel
-- of its own, where its tokens are told what was handed to them: `<token> <turn> <fence> <ms>`. The turn says since when
-- the process may reckon with it: since that ask, and a message that comes late is of no worth.

-- In ms. A waiter asks again every second at the latest.
local ALIVE = 3000
-- For a waiter whose process nobody could reach: it may be dead, or its subscription.
local ALIVE_UNHEARD = 1500
-- How long who was handed a permit unasked has it before it must have renewed it: it may be dead.
local HANDED = 2000
-- How many tokens of a resource are void at a time: a Redis that is slow voids many, and must not be slower for it.
local MOST_VOID = 100
-- For how long a fence is remembered, in ms: for a day after its lease was last begun, which is longer than any step of a clock
-- that it should survive; and as long again as an age lasts, since only the first lease of an age puts it off.
local KEPT = 97200000
-- 10,000 s: so many digits of a time in us are the number of its age.
local AGE_DIGITS = 6

local call, sub = redis.call, string.sub
local permits, verb, channel = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local clock = call('TIME')
-- As text, times and fences have 16 digits in us and 13 in ms (until the year 2286), so they compare like numbers.
local micros_text = clock[1] .. sub('00000' .. clock[2], -6)
local now_text = sub(micros_text, 1, -4)
local micros, now = tonumber(micros_text), tonumber(now_text)

-- Lua would print 2^50 as 1.1258999068426e+15.
local function whole(number)
  return string.format('%.0f', number)
end

-- Carries out anything. To make these functions costs more than most asks do, so they are made when one of them is needed.
local function general()
  -- Those of `ends=token,ends=token` that have not ended, and how many they are.
  local function living(text)
    local all, count = {}, 0
    for item in string.gmatch(text, '[^,]+') do
      local ends, token = string.match(item, '^(%d+)=(.+)$')
      ends = tonumber(ends) or error('it says ' .. item)
      if ends > now then
        all[token] = ends
        count = count + 1
      end
    end
    return all, count
  end

  local function listed(all)
    local texts = {}
    for token, ends in pairs(all) do
      texts[#texts + 1] = whole(ends) .. '=' .. token
    end
    return table.concat(texts, ',')
  end

  local function read(place, text)
    local it = { key = KEYS[place], queue = KEYS[place + 1], waiters = KEYS[place + 2] }
    local fence, queued, holders, void = string.match(text or '0 0  ', '^(%d+) ([01]) (%S*) (%S*)$')
    if not fence then
      error('its state is ' .. text)
    end
    it.fence, it.queued = tonumber(fence), queued == '1'
    it.holders, it.held = living(holders)
    it.void, it.voided = living(void)
    return it
  end

  local function write(it)
    local state = whole(it.fence) .. (it.queued and ' 1 ' or ' 0 ') .. listed(it.holders) .. ' ' .. listed(it.void)
    -- A fence ahead of the clock, which was set back, is remembered until the clock has caught up, too: only then do ages count.
    local behind = math.max(0, math.ceil((it.fence - micros) / 1000))
    redis.call('SET', it.key, state, 'PX', whole(KEPT + behind))
  end

  local function remember(it, token, alive, turn)
    redis.call('HSET', it.waiters, token, (now + alive) .. ' ' .. turn)
  end

  local function leave_queue(it, token)
    redis.call('LPOP', it.queue)
    redis.call('HDEL', it.waiters, token)
  end

  -- The first in the queue that is alive, for how long it counts as that, and its turn; the dead before it are dropped.
  local function first(it)
    while it.queued do
      local token = redis.call('LINDEX', it.queue, 0)
      if not token then
        it.queued = false
        return
      end
      local alive, turn = string.match(redis.call('HGET', it.waiters, token) or '0 0', '^(%d+) (%d+)$')
      local rest = tonumber(alive) - now
      if rest > ALIVE then
        -- The server's clock was set back.
        remember(it, token, ALIVE, turn)
        rest = ALIVE
      end
      if rest > 0 then
        return token, rest, turn
      end
      leave_queue(it, token)
    end
  end

  -- Hands free permits to those who are first in the queue, and tells them.
  local function hand_over(it)
    while it.held < permits do
      local token, rest, turn = first(it)
      if not token then
        return
      end
      local fence = math.max(it.fence + 1, micros)
      local message = token .. ' ' .. turn .. ' ' .. whole(fence) .. ' ' .. HANDED
      local heard = redis.call(verb, channel .. string.match(token, '^[^:]*'), message)
      if heard == 0 then
        if rest > ALIVE_UNHEARD then
          remember(it, token, ALIVE_UNHEARD, turn)
        end
        return
      end
      leave_queue(it, token)
      it.fence = fence
      it.holders[token] = now + HANDED
      it.held = it.held + 1
    end
  end

  -- Takes a permit if one is free and nobody alive was there first; to acquire is to try, and else to take a place in the
  -- queue. Answers with the fence; or, when it is taken, with {rest, again}: ms until a lease ends, 0 when a permit is free,
  -- and ms after which asking again may help; or with -1 when the token is void.
  local function try(it, token, lease, turn)
    if it.void[token] then
      return -1
    end
    if it.holders[token] then
      it.holders[token] = now + lease
      write(it)
      return it.fence
    end
    local head, alive = first(it)
    if it.held < permits and (not head or head == token) then
      it.holders[token] = now + lease
      it.held = it.held + 1
      it.fence = math.max(it.fence + 1, micros)
      if head then
        leave_queue(it, token)
        hand_over(it)
      end
      write(it)
      return it.fence
    end
    if turn then
      if redis.call('HEXISTS', it.waiters, token) == 0 then
        redis.call('RPUSH', it.queue, token)
      end
      remember(it, token, ALIVE, turn)
      redis.call('PEXPIRE', it.queue, ALIVE * 2)
      redis.call('PEXPIRE', it.waiters, ALIVE * 2)
      it.queued = true
      write(it)
    end
    if it.held < permits then
      return { 0, math.ceil(alive) }
    end
    local soonest = math.huge
    for _, ends in pairs(it.holders) do
      soonest = math.min(soonest, ends)
    end
    return { soonest - now, soonest - now }
  end

  -- Makes a lease that has not ended end later. Answers with 1, or 0 when the token holds nothing.
  local function renew(it, token, lease)
    if not it.holders[token] then
      return 0
    end
    it.holders[token] = now + lease
    write(it)
    return 1
  end

  -- Makes room for another void token: the one that is the nearest to its end goes.
  local function forget_oldest(void)
    local oldest
    for token, ends in pairs(void) do
      if not oldest or ends < void[oldest] then
        oldest = token
      end
    end
    void[oldest] = nil
  end

  -- Gives back a permit or a place in the queue; for so many ms, should there be any, the token is void: an ask of it that is
  -- still under way is refused. Answers with 1 when it held a permit, or 0.
  local function release(it, token, void)
    local held = it.holders[token] and 1 or 0
    it.holders[token] = nil
    it.held = it.held - held
    if void > 0 then
      if it.voided >= MOST_VOID and not it.void[token] then
        forget_oldest(it.void)
      end
      it.void[token] = now + void
    end
    if it.queued and redis.call('HDEL', it.waiters, token) == 1 then
      redis.call('LREM', it.queue, 1, token)
    end
    hand_over(it)
    write(it)
    return held
  end

  return function(place, text, operation, token, ms, turn)
    local it = read(place, text)
    if operation == 'release' then
      return release(it, token, ms)
    elseif operation == 'renew' then
      return renew(it, token, ms)
    end
    return try(it, token, ms, operation == 'acquire' and turn)
  end
end

-- What most asks are is done without all that, on the state as text. These are of a lock, in a state that has at most one
-- holder and no void token, with times of the usual length, and a fence that the clock has passed; they answer with nil for
-- any other, and have changed nothing.
local usual = permits == 1 and #micros_text == 16 and #now_text == 13

-- When a lease ends that begins now, as text.
local function ends_in(ms)
  return whole(now + ms)
end

-- For a lock that is free, and nobody waits. Answers with the fence.
local function take_free(key, text, token, ms)
  if text and sub(text, 17) ~= ' 0  ' then
    return nil
  end
  local state = micros_text .. ' 0 ' .. ends_in(ms) .. '=' .. token .. ' '
  if text and sub(text, 1, AGE_DIGITS) == sub(micros_text, 1, AGE_DIGITS) then
    call('SET', key, state, 'KEEPTTL')
  else
    call('SET', key, state, 'PX', KEPT)
  end
  return micros
end

-- Whether this token alone holds the lock, and still does.
local function holds(text, token)
  return text and sub(text, 33) == '=' .. token .. ' ' and sub(text, 20, 32) > now_text
end

-- Gives back to nobody, or hands over to who is first in the queue.
local function give_back(place, text)
  local key = KEYS[place]
  local head = sub(text, 17, 19) == ' 1 ' and call('LINDEX', KEYS[place + 1], 0)
  if not head then
    call('SET', key, sub(text, 1, 17) .. '0  ', 'KEEPTTL')
    return 1
  end
  local alive, turn = string.match(call('HGET', KEYS[place + 2], head) or '', '^(%d+) (%d+)$')
  if tonumber(alive or 0) <= now then
    return nil
  end
  local message = head .. ' ' .. turn .. ' ' .. micros_text .. ' ' .. HANDED
  if call(verb, channel .. string.match(head, '^[^:]*'), message) == 0 then
    return nil
  end
  call('LPOP', KEYS[place + 1])
  call('HDEL', KEYS[place + 2], head)
  call('SET', key, micros_text .. ' 1 ' .. ends_in(HANDED) .. '=' .. head .. ' ', 'PX', KEPT)
  return 1
end

-- Takes a place in the queue of a lock that another holds, unless there is no turn. Answers as to acquire does.
local function wait(place, text, token, turn)
  local ends, holder = string.match(text, '^%d+ [01] (%d+)=([^ ,]+) $')
  if not ends or #ends ~= 13 or ends <= now_text or holder == token then
    return nil
  end
  if turn then
    local queue, waiters = KEYS[place + 1], KEYS[place + 2]
    if call('HSET', waiters, token, ends_in(ALIVE) .. ' ' .. turn) == 1 then
      call('RPUSH', queue, token)
    end
    call('PEXPIRE', queue, ALIVE * 2)
    call('PEXPIRE', waiters, ALIVE * 2)
    if sub(text, 18, 18) == '0' then
      call('SET', KEYS[place], sub(text, 1, 17) .. '1' .. sub(text, 19), 'PX', KEPT)
    end
  end
  local rest = tonumber(ends) - now
  return { rest, rest }
end

-- Carries out what most ask for; nil or false for the rest.
local function in_short(place, text, operation, token, ms, turn)
  if text and (sub(text, 1, 16) >= micros_text or sub(text, 17, 17) ~= ' ') then
    return nil
  end
  if operation == 'release' then
    return ms == 0 and holds(text, token) and give_back(place, text)
  elseif operation == 'renew' then
    if not holds(text, token) then
      return nil
    end
    call('SET', KEYS[place], sub(text, 1, 19) .. ends_in(ms) .. sub(text, 33), 'PX', KEPT)
    return 1
  end
  return take_free(KEYS[place], text, token, ms) or text and wait(place, text, token, operation == 'acquire' and turn)
end

local carry_out

local function answer(place, operation, token, ms, turn)
  local text = call('GET', KEYS[place])
  local done = usual and in_short(place, text, operation, token, ms, turn)
  if done then
    return done
  end
  carry_out = carry_out or general()
  return carry_out(place, text, operation, token, ms, turn)
end

local answers = {}
local place, arg = 1, 4
while ARGV[arg] do
  local ok, reply = pcall(answer, place, ARGV[arg], ARGV[arg + 1], tonumber(ARGV[arg + 2]), ARGV[arg + 3])
  answers[#answers + 1] = ok and reply or { type(reply) == 'table' and reply.err or reply }
  place, arg = place + 3, arg + 4
end
return answers
