/**
 * The one Lua script through which the store is read and written (docs/formats/redis-metadata.md). Each verb is one atomic
 * step: it tests what it relies on (run id of this Redis, coordinator epoch, last op id) and only then writes, first the data,
 * then the hash that names it. Nothing here expires, and nothing depends on a clock (R17, R18).
 */
import { createHash } from 'node:crypto';

export const FORMAT_VERSION = '1';

/** KEYS: state (hash), snapshot (string), entries (list). ARGV: verb, then what the verb names. Answers a list, a word first. */
export const STORE_SCRIPT = `
local state = {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do state[flat[i]] = flat[i + 1] end
local exists = #flat > 0
local here = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local verb = ARGV[1]

if verb == 'load' then
  return {'ok', here, flat, redis.call('GET', KEYS[2]) or '', redis.call('LRANGE', KEYS[3], 0, -1)}
end
if exists and state.format ~= '${FORMAT_VERSION}' then return {'format', state.format or ''} end

local epoch = tonumber(state.coordinatorEpoch or '-1')
local function create(storeId)
  if not exists then redis.call('HSET', KEYS[1], 'format', '${FORMAT_VERSION}', 'storeId', storeId, 'runId', here) end
end

if verb == 'take-over' then
  local atLeast, runId, storeId = tonumber(ARGV[2]), ARGV[3], ARGV[4]
  if here ~= runId then return {'restarted', here} end
  local following = string.format('%.0f', math.max(epoch, atLeast) + 1)
  create(storeId)
  redis.call('HSET', KEYS[1], 'coordinatorEpoch', following)
  return {'ok', following, state.storeId or storeId}
end

if verb == 'mark' then
  local known, reason, storeId = tonumber(ARGV[2]), ARGV[3], ARGV[4]
  if epoch > known then return {'epoch', state.coordinatorEpoch} end
  create(storeId)
  redis.call('HSET', KEYS[1], 'coordinatorEpoch', string.format('%.0f', known))
  redis.call('HSETNX', KEYS[1], 'suspect', reason)
  return {'ok', state.suspect or reason}
end

if not exists then return {'empty'} end
if state.coordinatorEpoch ~= ARGV[2] then return {'epoch', state.coordinatorEpoch or '-1'} end
if here ~= ARGV[3] then return {'restarted', here} end
local isSuspect = state.suspect or state.runId ~= here
local revision = tonumber(state.revision or '-1')

if verb == 'append' then
  local expectedOpId, expectedRevision, opId, line = ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
  if isSuspect then return {'suspect', state.suspect or 'Redis was restarted'} end
  if (state.opId or '') ~= expectedOpId or revision ~= expectedRevision then
    return {'chain', string.format('%.0f', revision), state.opId or ''}
  end
  redis.call('RPUSH', KEYS[3], line)
  redis.call('HSET', KEYS[1], 'revision', string.format('%.0f', revision + 1), 'opId', opId)
  return {'ok'}
end

if verb == 'snapshot' then
  local isNewHistory, at, opId, line = ARGV[4] == 'new-history', tonumber(ARGV[5]), ARGV[6], ARGV[7]
  local base = tonumber(state.snapshotRevision or '-1')
  local covers = false
  if not isNewHistory then
    if isSuspect then return {'suspect', state.suspect or 'Redis was restarted'} end
    if at == base and state.snapshotOpId == opId then return {'ok'} end
    if at > base and at <= revision then
      local entry = redis.call('LINDEX', KEYS[3], at - base - 1)
      covers = entry and cjson.decode(string.sub(entry, 10)).opId == opId
    end
    if not covers and at <= revision then return {'chain', string.format('%.0f', revision), state.opId or ''} end
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
