/**
 * Records of `__consumer_offsets` as bytes. Keys and values are Kafka's own, so that its dump tool and monitors read them:
 *
 *   key 1 (0 in old logs)  group:string topic:string partition:int32 → offset value v0 to v4, written as v4 (topic id in tag 0)
 *   key 2                  group:string                              → group metadata value v0 to v4, written as v3
 *   key 20000 (ours)       group:string                              → history: int16 1, then JSON
 *
 * A key of another kind is null (consumer groups of KIP-848, share groups …: not ours to judge). Anything else that does
 * not decode throws CorruptionError. A null value is a tombstone.
 */
import { CorruptionError, type TopicId } from '#kernel';
import { ByteReader, ByteWriter } from './bytes.js';
import type { Rebalance } from './messages.js';
import type { CommittedOffset, GroupMemberMetadata, GroupMetadata, GroupRecord } from './records.js';

const LEGACY_OFFSET_KEY = 0;
const OFFSET_KEY = 1;
const GROUP_KEY = 2;
const HISTORY_KEY = 20_000;
const OFFSET_VALUE_VERSION = 4;
const GROUP_VALUE_VERSION = 3;
const HISTORY_VALUE_VERSION = 1;
const VALUE_VERSION_MAX = 4;
const TOPIC_ID_TAG = 0;
const TOPIC_ID_BYTES = 16;
const NO_TOPIC_ID = Buffer.alloc(TOPIC_ID_BYTES).toString('base64url');

export function encodeGroupRecord(record: GroupRecord): { key: Buffer; value: Buffer | null } {
  const key = new ByteWriter();
  switch (record.type) {
    case 'offset':
      key.int16(OFFSET_KEY).string(record.groupId).string(record.topic).int32(record.partition);
      return { key: key.finish(), value: record.value && encodeOffset(record.value) };
    case 'group':
      key.int16(GROUP_KEY).string(record.groupId);
      return { key: key.finish(), value: record.value && encodeGroup(record.value) };
    case 'history':
      key.int16(HISTORY_KEY).string(record.groupId);
      return { key: key.finish(), value: record.value && encodeHistory(record.value) };
  }
}

export function decodeGroupRecord(key: Buffer, value: Buffer | null): GroupRecord | null {
  const reader = new ByteReader(key, 'key of a group record');
  const kind = reader.int16();
  switch (kind) {
    case LEGACY_OFFSET_KEY:
    case OFFSET_KEY: {
      const of = { groupId: reader.string(), topic: reader.string(), partition: reader.int32() };
      reader.expectEnd();
      return {
        type: 'offset',
        ...of,
        value: value && decodeOffset(value, () => `offset of group ${of.groupId} for ${of.topic}-${of.partition}`),
      };
    }
    case GROUP_KEY: {
      const groupId = reader.string();
      reader.expectEnd();
      return { type: 'group', groupId, value: value && decodeGroup(value, `metadata of group ${groupId}`) };
    }
    case HISTORY_KEY: {
      const groupId = reader.string();
      reader.expectEnd();
      return { type: 'history', groupId, value: value && decodeHistory(value, `history of group ${groupId}`) };
    }
    default:
      return null;
  }
}

function encodeOffset(value: CommittedOffset): Buffer {
  const writer = new ByteWriter().int16(OFFSET_VALUE_VERSION);
  writer.int64(value.offset).int32(value.leaderEpoch).compactString(value.metadata).int64(value.committedAtMs);
  if (value.topicId === '') return writer.uvarint(0).finish();
  return writer.uvarint(1).uvarint(TOPIC_ID_TAG).uvarint(TOPIC_ID_BYTES).raw(Buffer.from(value.topicId, 'base64url')).finish();
}

function decodeOffset(bytes: Buffer, what: () => string): CommittedOffset {
  const reader = new ByteReader(bytes, what);
  const version = readVersion(reader);
  const value = {
    offset: reader.int64(),
    leaderEpoch: version >= 3 ? reader.int32() : -1,
    metadata: version >= 4 ? reader.compactString() : reader.string(),
    committedAtMs: reader.int64(),
    topicId: '',
  };
  if (version === 1) reader.int64(); // expireTimestamp: retention is ours to decide (Kafka ignores it, too, since 2.1)
  if (version >= 4) value.topicId = decodeTopicId(reader);
  reader.expectEnd();
  return value;
}

/** The tag section of an offset; '' where it has none, or zeros. Tags that are not known here are skipped. */
function decodeTopicId(reader: ByteReader): TopicId {
  let topicId = '';
  for (let left = reader.uvarint(); left > 0; left--) {
    const tag = reader.uvarint();
    const length = reader.uvarint();
    if (tag === TOPIC_ID_TAG && length !== TOPIC_ID_BYTES) reader.fail(`topic id has ${length} bytes`);
    const text = reader.base64url(length);
    if (tag === TOPIC_ID_TAG) topicId = text === NO_TOPIC_ID ? '' : text;
  }
  return topicId;
}

function encodeGroup(value: GroupMetadata): Buffer {
  const writer = new ByteWriter().int16(GROUP_VALUE_VERSION);
  writer.string(value.protocolType).int32(value.generationId).nullableString(value.protocolName).nullableString(value.leader);
  writer.int64(value.stateSinceMs);
  return writer
    .array(value.members, (member) => {
      writer.string(member.memberId).nullableString(member.groupInstanceId).string(member.clientId).string(member.clientHost);
      writer.int32(member.rebalanceTimeoutMs).int32(member.sessionTimeoutMs).bytes(member.subscription).bytes(member.assignment);
    })
    .finish();
}

function decodeGroup(bytes: Buffer, what: string): GroupMetadata {
  const reader = new ByteReader(bytes, what);
  const version = readVersion(reader);
  const isFlexible = version >= 4;
  const string = () => (isFlexible ? reader.compactString() : reader.string());
  const nullableString = () => (isFlexible ? reader.compactNullableString() : reader.nullableString());
  const member = (): GroupMemberMetadata => {
    const memberId = string();
    const groupInstanceId = version >= 3 ? nullableString() : null;
    const [clientId, clientHost] = [string(), string()];
    const rebalanceTimeoutMs = version >= 1 ? reader.int32() : -1;
    const sessionTimeoutMs = reader.int32();
    const subscription = isFlexible ? reader.compactBytes() : reader.bytes();
    const assignment = isFlexible ? reader.compactBytes() : reader.bytes();
    if (isFlexible) reader.tags();
    // Before v1 the session timeout was both.
    const timeouts = { rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? sessionTimeoutMs : rebalanceTimeoutMs, sessionTimeoutMs };
    return { memberId, groupInstanceId, clientId, clientHost, ...timeouts, subscription, assignment };
  };
  const value: GroupMetadata = {
    protocolType: string(),
    generationId: reader.int32(),
    protocolName: nullableString(),
    leader: nullableString(),
    stateSinceMs: version >= 2 ? reader.int64() : -1,
    members: isFlexible ? reader.compactArray(member) : reader.array(member),
  };
  if (isFlexible) reader.tags();
  reader.expectEnd();
  return value;
}

function encodeHistory(rebalances: readonly Rebalance[]): Buffer {
  return new ByteWriter()
    .int16(HISTORY_VALUE_VERSION)
    .raw(Buffer.from(JSON.stringify(rebalances), 'utf8'))
    .finish();
}

function decodeHistory(bytes: Buffer, what: string): readonly Rebalance[] {
  const reader = new ByteReader(bytes, what);
  const version = reader.int16();
  if (version !== HISTORY_VALUE_VERSION)
    reader.fail(`version ${version} was written by another release; this one reads ${HISTORY_VALUE_VERSION}`);
  let rebalances: unknown;
  try {
    rebalances = JSON.parse(reader.raw(reader.remaining).toString('utf8'));
  } catch (error) {
    throw new CorruptionError(`${what}: not JSON`, { cause: error });
  }
  if (!Array.isArray(rebalances) || !rebalances.every(isRebalance)) reader.fail('not a list of rebalances');
  return rebalances as Rebalance[];
}

function isRebalance(value: unknown): value is Rebalance {
  if (typeof value !== 'object' || value === null) return false;
  const { generationId, startedAtMs, causes, outcome } = value as Record<string, unknown>;
  return typeof generationId === 'number' && typeof startedAtMs === 'number' && Array.isArray(causes) && typeof outcome === 'string';
}

function readVersion(reader: ByteReader): number {
  const version = reader.int16();
  if (version < 0 || version > VALUE_VERSION_MAX) {
    reader.fail(`value version ${version} was written by another release; this one reads 0 to ${VALUE_VERSION_MAX}`);
  }
  return version;
}
