import { SimRandom } from '#seams-sim';
import { ClusterMetadata } from './cluster-metadata.js';
import { murmur2 } from './murmur2.js';
import { partitionerFor, partitionForKey } from './partitioner.js';

const all = () => true;

describe('partitioner', () => {
  it("has the values of Kafka's own clients", () => {
    const vectors: Record<string, number> = {
      '21': -973932308,
      foobar: -790332482,
      'a-little-bit-long-string': -985981536,
      'a-little-bit-longer-string': -1486304829,
      lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
      abc: 479470107,
    };
    for (const [key, hash] of Object.entries(vectors)) expect([key, murmur2(Buffer.from(key))]).toEqual([key, hash]);
    expect(partitionForKey(Buffer.from('foobar'), 7)).toBe((-790332482 & 0x7fffffff) % 7);
  });

  it('sticks to a partition until its batch is full, and spreads evenly over many', () => {
    const partitioner = partitionerFor('default', new SimRandom(1), all);
    const counts = [0, 0, 0, 0];
    let changes = 0;
    for (let batch = 0; batch < 4000; batch++) {
      const partition = partitioner.choose(null, 4);
      counts[partition]! += partition === partitioner.choose(null, 4) ? 1 : 0;
      partitioner.batchCompleted(partition, 4);
      changes += partition === partitioner.choose(null, 4) ? 0 : 1;
    }
    expect(counts.reduce((a, b) => a + b)).toBe(4000);
    expect(changes).toBe(4000);
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(100);
  });

  it('deals one by one on request, keys or not', () => {
    const partitioner = partitionerFor('round-robin', new SimRandom(1), all);
    const first = partitioner.choose(Buffer.from('k'), 3);
    expect([1, 2, 3].map(() => partitioner.choose(Buffer.from('k'), 3))).toEqual([(first + 1) % 3, (first + 2) % 3, first]);
  });
});

describe('partitions without a leader', () => {
  it('get no records without a key while another one has a leader', () => {
    for (const name of ['default', 'round-robin'] as const) {
      let led = [1, 3];
      const partitioner = partitionerFor(name, new SimRandom(1), (partition) => led.includes(partition));
      const chosen = new Set<number>();
      for (let i = 0; i < 200; i++) {
        const partition = partitioner.choose(null, 5);
        chosen.add(partition);
        partitioner.batchCompleted(partition, 5);
      }
      expect([name, ...[...chosen].sort()]).toEqual([name, 1, 3]);
      led = [];
      const waiting = partitioner.choose(null, 5);
      expect(waiting >= 0 && waiting < 5).toBe(true);
    }
  });

  it('get theirs with a key all the same', () => {
    const key = Buffer.from('foobar');
    expect(partitionerFor('default', new SimRandom(1), () => false).choose(key, 7)).toBe(partitionForKey(key, 7));
  });
});

describe('cluster metadata', () => {
  const answer = (revision: number, topicId: string, leader: number, leaderEpoch: number, partitionEpoch = leaderEpoch) => ({
    clusterId: 'c',
    revision,
    brokers: [{ id: leader, host: `h${leader}`, port: 1, rack: null }],
    topics: [
      {
        name: 't',
        topicId,
        error: 'NONE' as const,
        partitions: [
          {
            partition: 0,
            error: 'NONE' as const,
            leader,
            leaderEpoch,
            partitionEpoch,
            replicas: [],
            isr: [],
            eligibleLeaderReplicas: [],
            offlineReplicas: [],
          },
        ],
      },
    ],
  });

  it('only moves forward: an older leader of the same topic id is not believed, whoever says it', () => {
    const metadata = new ClusterMetadata();
    metadata.apply(answer(5, 'A', 1, 7));
    metadata.apply(answer(9, 'A', 2, 6));
    expect(metadata.leaderOf('t', 0)).toMatchObject({ leader: 1, leaderEpoch: 7 });
    metadata.apply(answer(3, 'A', -1, 7, 6));
    expect(metadata.leaderOf('t', 0).leader).toBe(1);
    metadata.applyHint('t', 0, { leader: 2, leaderEpoch: 7 });
    expect(metadata.leaderOf('t', 0).leader).toBe(1);
    metadata.applyHint('t', 0, { leader: 2, leaderEpoch: 8 });
    expect(metadata.leaderOf('t', 0)).toMatchObject({ leader: 2, leaderEpoch: 8 });
    metadata.apply(answer(10, 'A', 3, 8));
    expect(metadata.leaderOf('t', 0).leader).toBe(3);
  });

  it('starts over with a new topic id, and does not go back to the old one', () => {
    const metadata = new ClusterMetadata();
    metadata.apply(answer(5, 'A', 1, 7));
    metadata.apply(answer(8, 'B', 2, 0));
    expect(metadata.leaderOf('t', 0)).toMatchObject({ leader: 2, leaderEpoch: 0 });
    metadata.apply(answer(5, 'A', 1, 7));
    expect(metadata.topicId('t')).toBe('B');
    metadata.apply({ ...answer(4, 'A', 1, 7), topics: [{ name: 't', topicId: '', error: 'UNKNOWN_TOPIC_OR_PARTITION', partitions: [] }] });
    expect(metadata.partitionCount('t')).toBe(1);
  });
});
