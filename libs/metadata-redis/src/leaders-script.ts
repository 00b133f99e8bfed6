/**
 * The Lua script that writes the published leaders (docs/formats/redis-metadata.md). It writes only while the metadata's state
 * still has the publisher's coordinator epoch, and nothing that was sent before what is there: a publisher that was replaced, or
 * an answer that went missing, leaves no trace.
 */
import { createHash } from 'node:crypto';

/** KEYS: metadata state (hash), leaders (hash), position (string). ARGV: coordinator epoch, sequence number, verb, then pairs or fields. */
const TEXT = `
local epoch, sequence, verb = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local stored = redis.call('HGET', KEYS[1], 'coordinatorEpoch')
if stored ~= epoch then return {'epoch', stored or ''} end
local atEpoch, atSequence = string.match(redis.call('GET', KEYS[3]) or '', '^(%d+) (%d+)$')
if atEpoch == epoch and tonumber(atSequence) >= sequence then return {'late'} end
redis.call('SET', KEYS[3], epoch .. ' ' .. ARGV[2])

local function told(value) return string.match(value or '', '^(.*),"coordinatorEpoch"') end
local changes = 0
if verb == 'write' then
  for i = 4, #ARGV, 2 do
    local field, value = ARGV[i], ARGV[i + 1]
    if told(redis.call('HGET', KEYS[2], field)) ~= told(value) then
      redis.call('HSET', KEYS[2], field, value)
      redis.call('PUBLISH', KEYS[2], value)
      changes = changes + 1
    end
  end
  return {'ok', changes}
end

local kept = {}
for i = 4, #ARGV do kept[ARGV[i]] = true end
for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  if not kept[field] then
    local isJson, row = pcall(cjson.decode, redis.call('HGET', KEYS[2], field))
    redis.call('HDEL', KEYS[2], field)
    changes = changes + 1
    if isJson and type(row) == 'table' then
      redis.call('PUBLISH', KEYS[2], cjson.encode({
        topic = row.topic, topicId = row.topicId, partition = row.partition, isDeleted = true, coordinatorEpoch = tonumber(epoch)
      }))
    end
  end
end
return {'ok', changes}
`;

export const LEADERS_SCRIPT = { text: TEXT, sha: createHash('sha1').update(TEXT).digest('hex') };
