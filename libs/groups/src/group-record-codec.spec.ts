import { CorruptionError } from '#kernel';
import { decodeGroupRecord, encodeGroupRecord } from './group-record-codec.js';
import type { Rebalance } from './messages.js';
import type { GroupMetadata, GroupRecord, OffsetRecord } from './records.js';
import { KAFKA_BYTES, kafkaBytes } from './testing/kafka-bytes.js';

const TOPIC_ID = 'AAECAwQFBgcICQoLDA0ODw';
const offset: OffsetRecord = {
  type: 'offset',
  groupId: 'größe',
  topic: 'orders',
  partition: 7,
  value: { offset: 123_456_789_012, leaderEpoch: 5, metadata: 'mäta', committedAtMs: 1_700_000_000_123, topicId: TOPIC_ID },
};
const member = {
  clientId: 'c',
  clientHost: '/127.0.0.1',
  rebalanceTimeoutMs: 60_000,
  sessionTimeoutMs: 45_000,
};
const metadata: GroupMetadata = {
  protocolType: 'consumer',
  generationId: 3,
  protocolName: 'range',
  leader: 'c-1',
  stateSinceMs: 1_700_000_000_123,
  members: [
    { ...member, memberId: 'c-1', groupInstanceId: 'i-1', subscription: Buffer.from([1, 2, 3]), assignment: Buffer.alloc(0) },
    { ...member, memberId: 'c-2', groupInstanceId: null, subscription: Buffer.alloc(0), assignment: Buffer.from([9]) },
  ],
};
const history: readonly Rebalance[] = [
  {
    generationId: 3,
    startedAtMs: 1,
    durationMs: null,
    causes: [{ kind: 'joined', memberId: 'c-1', groupInstanceId: null, clientId: 'c', clientHost: '/127.0.0.1', reason: 'größe', atMs: 1 }],
    causesOmitted: 0,
    memberCount: 2,
    protocolName: 'range',
    outcome: 'stable',
  },
];

function hex({ key, value }: { key: Buffer; value: Buffer | null }) {
  return { key: key.toString('hex'), value: value?.toString('hex') ?? null };
}

describe('group records in bytes', () => {
  it("writes Kafka's own bytes", () => {
    expect(hex(encodeGroupRecord(offset))).toEqual({ key: KAFKA_BYTES.offsetKey, value: KAFKA_BYTES.offsetValue4 });
    const unknownTopic = { offset: 0, leaderEpoch: -1, metadata: '', committedAtMs: 1, topicId: '' };
    expect(hex(encodeGroupRecord({ ...offset, value: unknownTopic })).value).toBe(KAFKA_BYTES.offsetValue4NoTopic);
    expect(hex(encodeGroupRecord({ type: 'group', groupId: 'größe', value: metadata }))).toEqual({
      key: KAFKA_BYTES.groupKey,
      value: KAFKA_BYTES.groupValue3,
    });
    const empty = { protocolType: 'consumer', generationId: 4, protocolName: null, leader: null, stateSinceMs: 1, members: [] };
    expect(hex(encodeGroupRecord({ type: 'group', groupId: 'größe', value: empty })).value).toBe(KAFKA_BYTES.groupValueEmpty3);
  });

  it('reads every version of an offset that Kafka wrote', () => {
    for (const version of [0, 1, 2, 3, 4] as const) {
      const leaderEpoch = version >= 3 ? 5 : -1;
      const topicId = version >= 4 ? TOPIC_ID : '';
      const record = decodeGroupRecord(kafkaBytes('offsetKey'), kafkaBytes(`offsetValue${version}`));
      expect(record).toEqual({ ...offset, value: { ...offset.value, leaderEpoch, topicId } });
    }
  });

  it('reads every version of group metadata that Kafka wrote', () => {
    for (const version of [0, 1, 2, 3, 4] as const) {
      const value = {
        ...metadata,
        stateSinceMs: version >= 2 ? metadata.stateSinceMs : -1,
        members: metadata.members.map((each) => ({
          ...each,
          groupInstanceId: version >= 3 ? each.groupInstanceId : null,
          rebalanceTimeoutMs: version >= 1 ? each.rebalanceTimeoutMs : each.sessionTimeoutMs,
        })),
      };
      expect(decodeGroupRecord(kafkaBytes('groupKey'), kafkaBytes(`groupValue${version}`))).toEqual({
        type: 'group',
        groupId: 'größe',
        value,
      });
    }
  });

  it('reads back what it wrote: history, tombstones', () => {
    const records: GroupRecord[] = [
      { type: 'history', groupId: 'größe', value: history },
      { type: 'history', groupId: 'g', value: null },
      { type: 'group', groupId: 'g', value: null },
      { ...offset, value: null },
    ];
    for (const record of records) {
      const { key, value } = encodeGroupRecord(record);
      expect(decodeGroupRecord(key, value)).toEqual(record);
      if (record.value === null) expect(value).toBeNull();
    }
  });

  it('reads the largest and the smallest numbers, skips tags that it does not know, takes a topic id of zeros for none', () => {
    for (const number of [0, 1, -1, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), -(2 ** 32) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
      const record = { ...offset, value: { ...offset.value!, offset: number } };
      const { key, value } = encodeGroupRecord(record);
      expect(decodeGroupRecord(key, value)).toEqual(record);
    }
    const { key, value } = encodeGroupRecord(offset);
    const tagsAt = value!.length - 19;
    const withTags = (...bytes: number[]) => decodeGroupRecord(key, Buffer.concat([value!.subarray(0, tagsAt), Buffer.from(bytes)]));
    const id = [...Buffer.from(TOPIC_ID, 'base64url')];
    expect(withTags(2, 0, 16, ...id, 9, 3, 1, 2, 3)).toEqual(offset);
    expect(withTags(1, 9, 1, 255)).toEqual({ ...offset, value: { ...offset.value, topicId: '' } });
    expect(withTags(1, 0, 16, ...Buffer.alloc(16))).toEqual({ ...offset, value: { ...offset.value, topicId: '' } });
    expect(() => withTags(1, 0, 15, ...id.slice(1))).toThrow('offset of group größe for orders-7: topic id has 15 bytes');
    expect(() => withTags(2, 0, 16, ...id)).toThrow(CorruptionError);
  });

  it('leaves kinds that it does not know alone', () => {
    expect(decodeGroupRecord(Buffer.from('0003000167', 'hex'), Buffer.from('00', 'hex'))).toBeNull();
    expect(decodeGroupRecord(Buffer.from('4e21000167', 'hex'), null)).toBeNull();
  });

  it('R15: calls damage by its name, wherever the bytes end or lie', () => {
    const encoded = [
      offset,
      { type: 'group', groupId: 'g', value: metadata } as const,
      { type: 'history', groupId: 'g', value: history } as const,
    ];
    for (const { key, value } of encoded.map(encodeGroupRecord)) {
      for (let length = 0; length < value!.length; length++) {
        expect(() => decodeGroupRecord(key, value!.subarray(0, length))).toThrow(CorruptionError);
      }
      for (let length = 0; length < key.length; length++)
        expect(() => decodeGroupRecord(key.subarray(0, length), value)).toThrow(CorruptionError);
      expect(() => decodeGroupRecord(Buffer.concat([key, key]), value)).toThrow(CorruptionError);
      expect(() => decodeGroupRecord(key, Buffer.concat([value!, Buffer.from([0])]))).toThrow(CorruptionError);
      const newer = Buffer.from(value!);
      newer.writeInt16BE(5);
      expect(() => decodeGroupRecord(key, newer)).toThrow(/written by another release/);
    }
    const { key } = encodeGroupRecord(offset);
    expect(() => decodeGroupRecord(key, Buffer.from(KAFKA_BYTES.offsetValue4.replace('010010', '01000f'), 'hex'))).toThrow(CorruptionError);
    expect(() => decodeGroupRecord(Buffer.from('4e20000167', 'hex'), Buffer.from('00017b7d', 'hex'))).toThrow(/not a list of rebalances/);
  });
});
