/**
 * The one Lua script through which the store is read and written (docs/formats/redis-metadata.md). Each verb is one atomic
 * step: it tests what it relies on (run id of this Redis, coordinator epoch, last op id) and only then writes, first the data,
 * then the hash that names it. Nothing here expires, and nothing depends on a clock (R17, R18). Its twin in TypeScript is the
 * StoreModel of libs/metadata; whoever changes one changes the other.
 */
import { createHash } from 'node:crypto';
import { STORE_FORMAT_VERSION } from '#metadata';

/** KEYS: state (hash), snapshot (string), entries (list), standbys (hash). ARGV: verb, then what it names. Answers a list, a word first. */
export const STORE_SCRIPT = `
local state = {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do state[flat[i]] = flat[i + 1] end
local exists = #flat > 0
local here = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local verb = ARGV[1]
local function text(number) return string.format('%.0f', number) end
local function opIdOf(line)
  local isJson, entry = pcall(cjson.decode, string.sub(line or '', 10))
  return isJson and type(entry) == 'table' and entry.opId or nil
end

if verb == 'load' then
  return {'ok', here, flat, redis.call('GET', KEYS[2]) or '', redis.call('LRANGE', KEYS[3], 0, -1)}
end
if exists and state.format ~= '${STORE_FORMAT_VERSION}' then return {'format', state.format or ''} end

local epoch = tonumber(state.coordinatorEpoch or '-1')
local beat = tonumber(state.beat or '0')
local revision = tonumber(state.revision or '-1')
local base = tonumber(state.snapshotRevision or '-1')
local function create(storeId)
  if not exists then redis.call('HSET', KEYS[1], 'format', '${STORE_FORMAT_VERSION}', 'storeId', storeId, 'runId', here) end
end

if verb == 'observe' then
  local after, afterOpId, standby = tonumber(ARGV[2]), ARGV[3], ARGV[4]
  if exists then
    local seen = tonumber(redis.call('HGET', KEYS[4], standby) or '-9')
    if beat - seen > 2 then redis.call('HSET', KEYS[4], standby, text(beat)) end
  end
  local opId
  if after == revision then opId = state.opId or ''
  elseif after == base then opId = state.snapshotOpId or ''
  elseif after > base and after < revision then opId = opIdOf(redis.call('LINDEX', KEYS[3], after - base - 1)) end
  if opId ~= afterOpId then return {'ok', here, flat, 'load', {}} end
  return {'ok', here, flat, 'entries', redis.call('LRANGE', KEYS[3], after - base, -1)}
end

if verb == 'take-over' then
  local atLeast, runId, turnId, actor, claim = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
  local isTurn = claim == 'any' or (claim == 'absent' and not exists)
    or (claim == 'still' and exists and epoch == tonumber(ARGV[7]) and (ARGV[8] == '' or beat == tonumber(ARGV[8])))
  if not isTurn then return {'not-your-turn', text(epoch), text(beat)} end
  if here ~= runId then return {'restarted', here} end
  local following = text(math.max(epoch, atLeast) + 1)
  create(turnId)
  redis.call('HSET', KEYS[1], 'coordinatorEpoch', following, 'turnId', turnId, 'beat', '0')
  if actor == '' then redis.call('HDEL', KEYS[1], 'actor') else redis.call('HSET', KEYS[1], 'actor', actor) end
  redis.call('DEL', KEYS[4])
  return {'ok', following, state.storeId or turnId}
end

if verb == 'mark' then
  local known, reason, storeId = tonumber(ARGV[2]), ARGV[3], ARGV[4]
  if epoch > known then return {'epoch', state.coordinatorEpoch} end
  create(storeId)
  redis.call('HSET', KEYS[1], 'coordinatorEpoch', text(known))
  redis.call('HSETNX', KEYS[1], 'suspect', reason)
  return {'ok', state.suspect or reason}
end

if not exists then return {'empty'} end
if state.coordinatorEpoch ~= ARGV[2] then return {'epoch', state.coordinatorEpoch or '-1'} end
if verb == 'release' then
  redis.call('HDEL', KEYS[1], 'actor')
  return {'ok'}
end
if here ~= ARGV[3] then return {'restarted', here} end

if verb == 'beat' then
  local actor, following = state.actor, text(beat + 1)
  if not actor then return {'released'} end
  redis.call('HSET', KEYS[1], 'beat', following)
  local answer = {'ok', following}
  local standbys = redis.call('HGETALL', KEYS[4])
  for i = 1, #standbys, 2 do
    local age = beat + 1 - tonumber(standbys[i + 1])
    if age > 10 or standbys[i] == actor then redis.call('HDEL', KEYS[4], standbys[i])
    else answer[#answer + 1] = standbys[i] end
  end
  return answer
end

if verb == 'accept' then
  local runId, turnId, atRevision, opId, atBeat = ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])
  if state.suspect then return {'suspect', state.suspect} end
  if state.runId ~= runId or state.turnId ~= turnId or revision ~= atRevision or (state.opId or '') ~= opId or beat ~= atBeat then
    return {'chain', text(revision), state.opId or ''}
  end
  redis.call('HSET', KEYS[1], 'runId', here)
  return {'ok'}
end

local suspect = state.suspect or (state.runId ~= here and 'the store was restarted') or nil

if verb == 'append' then
  local expectedOpId, expectedRevision, opId, line = ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
  if suspect then return {'suspect', suspect} end
  if (state.opId or '') ~= expectedOpId or revision ~= expectedRevision then return {'chain', text(revision), state.opId or ''} end
  redis.call('RPUSH', KEYS[3], line)
  redis.call('HSET', KEYS[1], 'revision', text(revision + 1), 'opId', opId)
  return {'ok'}
end

if verb == 'snapshot' then
  local isNewHistory, at, opId, line = ARGV[4] == 'new-history', tonumber(ARGV[5]), ARGV[6], ARGV[7]
  local covers = false
  if not isNewHistory then
    if suspect then return {'suspect', suspect} end
    if at == base and state.snapshotOpId == opId then return {'ok'} end
    covers = at > base and at <= revision and opIdOf(redis.call('LINDEX', KEYS[3], at - base - 1)) == opId
    if not covers and at <= revision then return {'chain', text(revision), state.opId or ''} end
  end
  redis.call('SET', KEYS[2], line)
  if covers then
    redis.call('LTRIM', KEYS[3], at - base, -1)
  else
    redis.call('DEL', KEYS[3])
    redis.call('HSET', KEYS[1], 'revision', ARGV[5], 'opId', opId)
  end
  redis.call('HSET', KEYS[1], 'snapshotRevision', ARGV[5], 'snapshotOpId', opId, 'runId', here)
  redis.call('HDEL', KEYS[1], 'suspect')
  return {'ok'}
end
return redis.error_reply('ERR unknown verb ' .. verb)
`;

export const STORE_SCRIPT_SHA = createHash('sha1').update(STORE_SCRIPT).digest('hex');
