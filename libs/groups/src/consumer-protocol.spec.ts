import fc from 'fast-check';
import { CorruptionError } from '#kernel';
import { type AssignableMember, type MemberAssignments, rangeAssign, roundRobinAssign } from './assignors.js';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './consumer-protocol.js';
import { KAFKA_BYTES, kafkaBytes } from './testing/kafka-bytes.js';

const subscription = {
  topics: ['audit', 'orders'],
  userData: Buffer.from([1, 2]),
  ownedPartitions: [
    { topic: 'audit', partitions: [1] },
    { topic: 'orders', partitions: [0, 2] },
  ],
  generationId: 9,
  rackId: 'rack-a',
};
const assignment = { partitions: [{ topic: 'orders', partitions: [0, 2] }], userData: Buffer.from([7]) };

describe('the consumer protocol', () => {
  it("is Kafka's bytes in every version, both ways", () => {
    for (const version of [0, 1, 2, 3] as const) {
      const unsorted = { ...subscription, topics: ['orders', 'audit'], ownedPartitions: subscription.ownedPartitions.toReversed() };
      expect(encodeSubscription(unsorted, version).toString('hex')).toBe(KAFKA_BYTES[`subscription${version}`]);
      expect(decodeSubscription(kafkaBytes(`subscription${version}`))).toEqual({
        ...subscription,
        ownedPartitions: version >= 1 ? subscription.ownedPartitions : [],
        generationId: version >= 2 ? 9 : -1,
        rackId: version >= 3 ? 'rack-a' : null,
      });
    }
    expect(encodeSubscription({ topics: ['orders'] }).toString('hex')).toBe(KAFKA_BYTES.subscriptionPlain3);
    expect(encodeAssignment(assignment, 0).toString('hex')).toBe(KAFKA_BYTES.assignment0);
    expect(encodeAssignment(assignment).toString('hex')).toBe(KAFKA_BYTES.assignment3);
    expect(encodeAssignment({ partitions: [] }).toString('hex')).toBe(KAFKA_BYTES.assignmentEmpty3);
    expect(decodeAssignment(kafkaBytes('assignment3'))).toEqual(assignment);
    expect(decodeAssignment(Buffer.alloc(0))).toEqual({ partitions: [], userData: null });
  });

  it('reads a later version as its own and refuses what is cut short', () => {
    const later = Buffer.concat([kafkaBytes('subscription3'), Buffer.from('0102', 'hex')]);
    later.writeInt16BE(7);
    expect(decodeSubscription(later)).toEqual(subscription);
    const bytes = kafkaBytes('subscription3');
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeSubscription(bytes.subarray(0, length))).toThrow(CorruptionError);
    expect(() => decodeAssignment(Buffer.from('00037fffffff', 'hex'))).toThrow(CorruptionError);
  });
});

describe('assignors', () => {
  // The same group through Kafka 4.3.1's own RangeAssignor and RoundRobinAssignor.
  const members: AssignableMember[] = [
    { memberId: 'm3', topics: ['a', 'b', 'c'] },
    { memberId: 'm1', topics: ['a', 'b'] },
    { memberId: 'm2', groupInstanceId: 'z-static', topics: ['a', 'c', 'missing'] },
    { memberId: 'm9', groupInstanceId: 'b-static', topics: ['b'] },
    { memberId: 'm4', topics: ['missing'] },
  ];
  const counts = new Map([
    ['a', 5],
    ['b', 3],
    ['c', 1],
  ]);

  it("range gives what Kafka's gives", () => {
    expect(flat(rangeAssign(members, counts))).toEqual({
      m1: ['a-2', 'a-3', 'b-1'],
      m2: ['a-0', 'a-1', 'c-0'],
      m3: ['a-4', 'b-2'],
      m4: [],
      m9: ['b-0'],
    });
  });

  it("round robin gives what Kafka's gives", () => {
    expect(flat(roundRobinAssign(members, counts))).toEqual({
      m1: ['a-1', 'a-4', 'b-2'],
      m2: ['a-0', 'a-3'],
      m3: ['a-2', 'b-0', 'c-0'],
      m4: [],
      m9: ['b-1'],
    });
  });

  it('H8: gives every subscribed partition to exactly one member that subscribes to it', () => {
    const topics = ['a', 'b', 'c', 'd'];
    const member = fc.record({ topics: fc.subarray(topics), isStatic: fc.boolean() });
    const sizes = fc.array(fc.nat(12), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(member, { minLength: 1, maxLength: 9 }), sizes, (drawn, partitions) => {
        const all = drawn.map(({ topics, isStatic }, i) => ({ memberId: `m${i}`, groupInstanceId: isStatic ? `s${i}` : null, topics }));
        const partitionCounts = new Map(topics.map((topic, i) => [topic, partitions[i]!]));
        const wanted = topics.filter((topic) => all.some((each) => each.topics.includes(topic)));
        const expected = wanted.flatMap((topic) => Array.from({ length: partitionCounts.get(topic)! }, (_, i) => `${topic}-${i}`));
        for (const assign of [rangeAssign, roundRobinAssign]) {
          const given = assign(all, partitionCounts);
          expect([...given.keys()].sort()).toEqual(all.map(({ memberId }) => memberId).sort());
          expect(Object.values(flat(given)).flat().sort()).toEqual(expected.sort());
          for (const { memberId, topics } of all) for (const each of given.get(memberId)!) expect(topics).toContain(each.topic);
        }
      }),
      { numRuns: 100 },
    );
  });
});

function flat(assignments: MemberAssignments): Record<string, string[]> {
  return Object.fromEntries(
    [...assignments].map(([memberId, topics]) => [
      memberId,
      topics.flatMap(({ topic, partitions }) => partitions.map((p) => `${topic}-${p}`)),
    ]),
  );
}
