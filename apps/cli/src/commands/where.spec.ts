import type { RecordWhereabouts } from '#client';
import type { ConnectedClient, LocateRecordResponse } from '#rpc';
import { clientsText, selectClients } from './clients-text.js';
import { recordState, whereText } from './where-text.js';

const NOW = Date.parse('2025-01-31T12:00:10Z');
const at = (secondsAgo: number) => NOW - secondsAgo * 1_000;

type Replica = NonNullable<LocateRecordResponse['replica']>;
const replica = (changes: Partial<Replica> = {}): Replica => ({
  role: 'follower',
  isInSync: true,
  leaderEpoch: 5,
  logStartOffset: 100,
  flushedEndOffset: 5_000,
  logEndOffset: 5_000,
  highWatermark: 4_990,
  committedAtMs: null,
  ...changes,
});
const batch = {
  baseOffset: 4_700,
  lastOffset: 4_720,
  leaderEpoch: 4,
  timestamp: at(4),
  producerId: 40,
  producerEpoch: 1,
  baseSequence: 7,
  sizeBytes: 1_234,
};
const answer = (brokerId: number, changes: Partial<LocateRecordResponse> = {}): LocateRecordResponse => ({
  error: 'NONE',
  brokerId,
  replica: replica(),
  batch,
  producer: null,
  fetchedBy: [],
  groups: [],
  ...changes,
});
const leader = (changes: Partial<Replica> = {}, more: Partial<LocateRecordResponse> = {}) =>
  answer(1, { replica: replica({ role: 'leader', committedAtMs: at(3), ...changes }), ...more });

function whereabouts(answers: readonly LocateRecordResponse[], silentBrokers: readonly number[] = []): RecordWhereabouts {
  const partition = {
    error: 'NONE' as const,
    partition: 0,
    leader: 1,
    leaderEpoch: 5,
    partitionEpoch: 9,
    replicas: [1, 0, 2],
    isr: [0, 1],
    eligibleLeaderReplicas: [],
    offlineReplicas: [],
  };
  return { partition, answers, silentBrokers };
}
const text = (known: RecordWhereabouts, offset = 4_711) => whereText({ topic: 't', partition: 0, offset }, known, NOW).split('\n');

describe('yak where', () => {
  it('tells the whole story of a committed record', () => {
    const owner = { memberId: 'm-1', groupInstanceId: null, clientId: 'c-1', clientHost: '/10.0.0.2' };
    const known = whereabouts([
      answer(0, { groups: [{ groupId: 'slow', state: 'Empty', committedOffset: 4_000, committedAtMs: 1, owner: null }] }),
      leader(
        {},
        {
          producer: { clientId: 'p-1', address: '10.0.0.1:5000', software: 'kafkajs 2.2.4', atMs: at(3.5) },
          fetchedBy: [
            { clientId: 'c-1', address: '10.0.0.2:6000', groupId: null, memberId: null, atMs: at(1) },
            { clientId: null, address: '10.0.0.3:6000', groupId: 'g', memberId: 'm', atMs: at(2) },
          ],
          groups: [
            { groupId: 'fast', state: 'Stable', committedOffset: 4_800, committedAtMs: 1, owner },
            { groupId: 'new', state: 'Stable', committedOffset: null, committedAtMs: 0, owner: null },
          ],
        },
      ),
      answer(2, { replica: replica({ flushedEndOffset: 4_700, logEndOffset: 4_721, isInSync: false }) }),
    ]);
    expect(recordState(4_711, known)).toBe('committed');
    expect(text(known)).toEqual([
      't-0 offset 4,711 is committed.',
      'Stored by p-1 (kafkajs 2.2.4) at 10.0.0.1:5000; broker 1 took it 3.5 s ago (2025-01-31T12:00:06.500Z).',
      'Producer id 40, epoch 1, sequence 18; in the batch of 4,700 to 4,720 (1.2 kB), written in leader epoch 4.',
      'Its timestamp is 2025-01-31T12:00:06.000Z.',
      'The leader is broker 1 in leader epoch 5; its high watermark is 4,990 and passed the record 3.0 s ago (2025-01-31T12:00:07.000Z).',
      '  replica  role      holds it        records behind  in sync',
      '  1        leader    durably         -               yes',
      '  0        follower  durably         -               yes',
      '  2        follower  not synced yet  279             no',
      'Group fast is past it (committed 4,800, lag 190); member m-1 (c-1 at 10.0.0.2) has the partition.',
      'Group new has committed nothing here; it is Stable.',
      'Group slow is not past it (committed 4,000, 711 records before it, lag 990); it is Empty.',
      'Fetched past it last by c-1 at 10.0.0.2:6000 (by client id and host member m-1 of group fast), from broker 1, 1.0 s ago (2025-01-31T12:00:09.000Z).',
      'Before that by a client without id at 10.0.0.3:6000 (member m of group g), from broker 1, 2.0 s ago (2025-01-31T12:00:08.000Z).',
    ]);
  });

  it.each([
    [
      'uncommitted',
      leader({ highWatermark: 4_700 }),
      't-0 offset 4,711 is stored but not committed: the high watermark is 4,700, so no consumer sees it yet.',
    ],
    [
      'not-written',
      leader({ logEndOffset: 4_711 }, { batch: null }),
      't-0 offset 4,711 does not exist yet: the next record of the partition will be 4,711.',
    ],
    [
      'deleted',
      leader({ logStartOffset: 4_712 }, { batch: null }),
      't-0 offset 4,711 is gone: the log begins at 4,712 now (retention, or deleted records).',
    ],
    [
      'compacted',
      leader({}, { batch: null }),
      't-0 offset 4,711 is gone: the log goes on around it, so compaction removed it (a later record has its key, or its deletion mark expired).',
    ],
  ] as const)('says when a record is %s', (state, of, headline) => {
    const known = whereabouts([of]);
    expect(recordState(4_711, known)).toBe(state);
    expect(text(known)[0]).toBe(headline);
  });

  it('without the leader only what is committed for certain is called so, and who is silent is named', () => {
    const committed = whereabouts([answer(0)], [1, 2]);
    expect(recordState(4_711, committed)).toBe('committed');
    expect(text(committed)).toContain('No answer from broker 1, 2: what it knows, its groups included, is missing here.');
    expect(text(committed)).toContain('  1        no answer  ?         ?               yes');
    for (const changes of [{ highWatermark: 4_000 }, { logEndOffset: 4_000 }]) {
      const known = whereabouts([answer(0, { replica: replica(changes) })], [1]);
      expect(recordState(4_711, known)).toBe('unknown');
      expect(text(known)[0]).toBe('t-0 offset 4,711: the leader did not answer, so it is not known whether the record is committed.');
    }
    expect(recordState(4_711, whereabouts([], [0, 1, 2]))).toBe('unknown');
    const { partition, ...rest } = whereabouts([answer(0, { replica: null, batch: null })]);
    const leaderless = { ...rest, partition: { ...partition, leader: -1 } };
    expect(text(leaderless)[0]).toBe(
      't-0 offset 4,711: the partition has no leader now, so it is not known whether the record is committed.',
    );
  });

  it('believes the leader of the higher epoch, and says what is not remembered', () => {
    const deposed = answer(0, { replica: replica({ role: 'leader', leaderEpoch: 4, highWatermark: 4_000 }) });
    const plain = { ...batch, baseOffset: 4_711, lastOffset: 4_711, producerId: -1 };
    const known = whereabouts([deposed, leader({ committedAtMs: null }, { batch: plain })]);
    expect(recordState(4_711, known)).toBe('committed');
    expect(text(known).slice(1, 5)).toEqual([
      'Who stored it is not remembered: a broker remembers its latest batches only, and only until it restarts.',
      'Its producer is not idempotent; alone in its batch (1.2 kB), written in leader epoch 4.',
      'Its timestamp is 2025-01-31T12:00:06.000Z.',
      'The leader is broker 1 in leader epoch 5; its high watermark is 4,990 and passed the record longer ago than it remembers.',
    ]);
  });

  it('sequences wrap, and no id moves the cursor', () => {
    const wrapped = { ...batch, baseSequence: 2 ** 31 - 5 };
    const groups = [{ groupId: 'a\x1b[2J\n\u202e', state: 'Empty' as const, committedOffset: 1, committedAtMs: 1, owner: null }];
    const lines = text(whereabouts([leader({}, { batch: wrapped, groups })]));
    expect(lines[2]).toContain('sequence 6;');
    expect(lines).toContain('Group a[2J is not past it (committed 1, 4,710 records before it, lag 4,989); it is Empty.');
  });
});

describe('yak cluster clients', () => {
  const client = (changes: Partial<ConnectedClient>): ConnectedClient => ({
    brokerId: 0,
    door: 'kafka',
    clientId: 'c',
    software: null,
    address: '10.0.0.1:1',
    listener: 'client',
    principal: 'User:ANONYMOUS',
    connectedAtMs: at(60),
    lastRequestAtMs: at(1),
    produced: [],
    fetched: [],
    groups: [],
    ...changes,
  });
  const producer = client({
    clientId: 'p',
    software: { name: 'kafkajs', version: '2.2.4' },
    produced: [
      { topic: 't', partition: 0, producerId: 4, lastSentAtMs: at(1), lastAcknowledgedOffset: 9, lastAcknowledgedAtMs: at(1) },
      ...[1, 2, 3, 4].map((partition) => ({
        ...{ topic: 't', partition, producerId: 4, lastSentAtMs: at(1) },
        ...{ lastAcknowledgedOffset: -1, lastAcknowledgedAtMs: -1 },
      })),
    ],
  });
  const membership = { groupId: 'g', memberId: 'm-1', groupInstanceId: 'i' };
  const member = client({ address: '10.0.0.2:1', brokerId: 1, door: 'nest', groups: [membership] });
  const fetcher = client({ address: '10.0.0.2:2', fetched: [{ topic: 'u', partition: 3, nextOffset: 77, lastFetchedAtMs: at(1) }] });
  const all = [producer, member, fetcher];

  it('is a table, with what is missing said below', () => {
    const listed = { clients: all, omitted: 3, silentBrokers: [2] };
    expect(clientsText(listed, all, NOW).split('\n')).toEqual([
      'client  library        address     broker     for    acknowledged to               fetches next  member of',
      'p       kafkajs 2.2.4  10.0.0.1:1  0 (kafka)  1 min  t-0@9 t-1 t-2 t-3 and 1 more  -             -',
      'c       -              10.0.0.2:1  1 (nest)   1 min  -                             -             g (i)',
      'c       -              10.0.0.2:2  0 (kafka)  1 min  -                             u-3@77        -',
      '3 more connections are open that are not listed.',
      'No answer from broker 2: clients of it are missing here.',
    ]);
    expect(clientsText({ clients: [], omitted: 0, silentBrokers: [] }, [], NOW)).toBe('no client is connected');
  });

  it('picks by topic, and by group with the other connections of its members', () => {
    expect(selectClients(all, {})).toEqual(all);
    expect(selectClients(all, { topic: 't' })).toEqual([producer]);
    expect(selectClients(all, { group: 'g' })).toEqual([member, fetcher]);
    expect(selectClients(all, { group: 'g', topic: 'u' })).toEqual([fetcher]);
    expect(selectClients(all, { group: 'h' })).toEqual([]);
  });
});
