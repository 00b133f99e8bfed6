import type { ListenerName, RequestContext } from '#kernel';
import { ClientRegistry, CONNECTIONS_LISTED_MAX, PARTITIONS_NOTED_MAX, PARTITIONS_REMEMBERED_MAX } from './client-registry.js';
import { ADVANCE_SPACING_MS, ADVANCES_REMEMBERED_MAX, BATCHES_REMEMBERED_MAX, PartitionHistory } from './partition-history.js';
import { PARTITIONS_NOTED_PER_CONNECTION_MAX } from './partition-notes.js';

const time = { wall: 1_000 };
const clock = { monotonicMs: () => 0, wallMs: () => time.wall };

function contextOf(clientAddress: string, changes: Partial<RequestContext> = {}): RequestContext {
  return {
    principal: 'User:ANONYMOUS',
    listener: 'client',
    clientId: 'me',
    clientSoftware: null,
    clientAddress,
    deadline: Number.POSITIVE_INFINITY,
    ...changes,
  };
}

function newRegistry(): ClientRegistry {
  time.wall = 1_000;
  return new ClientRegistry(clock, 7);
}

const addresses = (registry: ClientRegistry) => registry.list().clients.map((one) => one.address);

describe('who is listed', () => {
  it('a connection from its first request until it closes, as it names itself last', () => {
    const registry = newRegistry();
    registry.requested(contextOf('10.0.0.1:5'));
    time.wall = 2_000;
    registry.requested(contextOf('10.0.0.1:5', { clientId: 'renamed', clientSoftware: { name: 'kafkajs', version: '2.2.4' } }));
    expect(registry.list()).toEqual({
      clients: [
        {
          brokerId: 7,
          door: 'kafka',
          clientId: 'renamed',
          software: { name: 'kafkajs', version: '2.2.4' },
          address: '10.0.0.1:5',
          listener: 'client',
          principal: 'User:ANONYMOUS',
          connectedAtMs: 1_000,
          lastRequestAtMs: 2_000,
          produced: [],
          fetched: [],
          groups: [],
        },
      ],
      omitted: 0,
      silentBrokers: [],
    });
    registry.disconnected({ listener: 'client', clientAddress: '10.0.0.1:5' });
    expect(addresses(registry)).toEqual([]);
  });

  it('followers, the HTTP door and this process are no clients; the same address on the other door is another connection', () => {
    const registry = newRegistry();
    for (const listener of ['replication', 'http', 'internal'] as ListenerName[]) registry.requested(contextOf('10.0.0.1:5', { listener }));
    expect(addresses(registry)).toEqual([]);
    registry.requested(contextOf('10.0.0.1:5'));
    registry.requested(contextOf('10.0.0.1:5', { listener: 'nest' }));
    registry.disconnected({ listener: 'client', clientAddress: '10.0.0.1:5' });
    expect(registry.list().clients).toMatchObject([{ door: 'nest' }]);
  });

  it('clients from outside are listed with the listener that they came in by', () => {
    const registry = newRegistry();
    for (const listener of ['external', 'external-nest', 'client'] as const) registry.requested(contextOf('10.0.0.1:5', { listener }));
    const listed = () => registry.list().clients.map(({ door, listener }) => `${door} ${listener}`);
    expect(listed().sort()).toEqual(['kafka client', 'kafka external', 'nest external-nest']);
    registry.disconnected({ listener: 'external', clientAddress: '10.0.0.1:5' });
    expect(listed().sort()).toEqual(['kafka client', 'nest external-nest']);
  });

  it('an answer that is decided after the end brings nobody back', () => {
    const registry = newRegistry();
    const context = contextOf('10.0.0.1:5');
    registry.requested(context);
    const note = registry.of(context)!.sent('t', 0, 4);
    registry.disconnected(context);
    note.lastAcknowledgedOffset = 9;
    registry.noteMember(context, 'g', 'm', null);
    expect(registry.of(context)).toBeNull();
    expect(addresses(registry)).toEqual([]);
  });

  it('connections beyond the limit are counted until they close, and listed once there is room', () => {
    const registry = newRegistry();
    for (let i = 0; i < CONNECTIONS_LISTED_MAX + 2; i++) registry.requested(contextOf(`h:${i}`));
    expect(registry.list()).toMatchObject({ omitted: 2 });
    expect(registry.list().clients).toHaveLength(CONNECTIONS_LISTED_MAX);
    registry.disconnected(contextOf(`h:${CONNECTIONS_LISTED_MAX}`));
    registry.disconnected(contextOf('h:0'));
    expect(registry.list()).toMatchObject({ omitted: 1 });
    registry.requested(contextOf(`h:${CONNECTIONS_LISTED_MAX + 1}`));
    expect(registry.list()).toMatchObject({ omitted: 0 });
    expect(addresses(registry).at(-1)).toBe(`h:${CONNECTIONS_LISTED_MAX + 1}`);
  });

  it('text from outside is cut, and nothing in it moves a cursor', () => {
    const registry = newRegistry();
    const context = contextOf('h:1', { clientId: `a\x1b[2J\u202eb${'x'.repeat(300)}`, clientSoftware: { name: 'n\n', version: '\x00' } });
    registry.requested(context);
    registry.noteMember(context, 'g\r', 'm\x07', 'i\u2028');
    const [client] = registry.list().clients;
    expect(client!.clientId).toMatch(/^a\[2Jbx+$/);
    expect(client!.clientId!.length).toBeLessThanOrEqual(255);
    expect(client!.software).toEqual({ name: 'n', version: '' });
    expect(client!.groups).toEqual([{ groupId: 'g', memberId: 'm', groupInstanceId: 'i' }]);
  });
});

describe('what a connection did', () => {
  it('keeps the last of each partition and of each group', () => {
    const registry = newRegistry();
    const context = contextOf('h:1');
    registry.requested(context);
    const connection = registry.of(context)!;
    connection.sent('t', 0, 40).lastAcknowledgedOffset = 3;
    time.wall = 3_000;
    registry.requested(context);
    connection.sent('t', 0, 41);
    connection.fetchedFrom('u', 1, 10);
    connection.fetchedFrom('u', 1, 20);
    registry.noteMember(context, 'g', '', null);
    registry.noteMember(context, 'g', 'first', null);
    registry.noteMember(context, 'g', 'second', null);
    expect(registry.list().clients).toMatchObject([
      {
        produced: [{ topic: 't', partition: 0, producerId: 41, lastSentAtMs: 3_000, lastAcknowledgedOffset: 3 }],
        fetched: [{ topic: 'u', partition: 1, nextOffset: 20, lastFetchedAtMs: 3_000 }],
        groups: [{ groupId: 'g', memberId: 'second' }],
      },
    ]);
  });

  it('names readers past an offset, latest first', () => {
    const registry = newRegistry();
    for (const [address, nextOffset] of [
      ['h:1', 5],
      ['h:2', 6],
      ['h:3', 9],
    ] as const) {
      time.wall += 100;
      registry.requested(contextOf(address, { clientId: address }));
      registry.of(contextOf(address))!.fetchedFrom('t', 0, nextOffset);
    }
    registry.noteMember(contextOf('h:2'), 'g', 'm', null);
    expect(registry.readersBeyond('t', 0, 5)).toEqual([
      { clientId: 'h:3', address: 'h:3', groupId: null, memberId: null, atMs: 1_300 },
      { clientId: 'h:2', address: 'h:2', groupId: 'g', memberId: 'm', atMs: 1_200 },
    ]);
    expect(registry.readersBeyond('t', 1, 5)).toEqual([]);
  });

  it('forgets its oldest partitions first, and gives their room back when it closes', () => {
    const registry = newRegistry();
    const one = contextOf('h:1');
    registry.requested(one);
    for (let i = 0; i < PARTITIONS_NOTED_PER_CONNECTION_MAX + 3; i++) registry.of(one)!.fetchedFrom('t', i, 1);
    const noted = () => registry.list().clients.reduce((sum, client) => sum + client.fetched.length, 0);
    expect(
      registry
        .list()
        .clients[0]!.fetched.map((note) => note.partition)
        .slice(0, 2),
    ).toEqual([3, 4]);
    expect(noted()).toBe(PARTITIONS_NOTED_PER_CONNECTION_MAX);

    const others = PARTITIONS_NOTED_MAX / PARTITIONS_NOTED_PER_CONNECTION_MAX;
    for (let c = 0; c < others; c++) {
      const context = contextOf(`o:${c}`);
      registry.requested(context);
      for (let i = 0; i < PARTITIONS_NOTED_PER_CONNECTION_MAX; i++) registry.of(context)!.fetchedFrom('t', i, 1);
    }
    expect(noted()).toBe(PARTITIONS_NOTED_MAX);
    registry.disconnected(one);
    const late = contextOf(`o:${others - 1}`);
    for (let i = 0; i < PARTITIONS_NOTED_PER_CONNECTION_MAX; i++) registry.of(late)!.fetchedFrom('t', i, 1);
    expect(noted()).toBe(PARTITIONS_NOTED_MAX);
  });
});

describe('what a partition remembers', () => {
  const sender = (clientId: string) => ({ clientId, address: 'h:1', software: null });

  it('its last batches, by offset and leader epoch', () => {
    const history = new PartitionHistory();
    history.stored(0, 9, 1, sender('too early'), 1);
    history.begin(0);
    expect(history.senderOf(0, 1)).toBeNull();
    history.stored(0, 9, 1, sender('a'), 10);
    history.stored(5, 5, 2, sender('b'), 20);
    expect(history.senderOf(5, 1)).toEqual({ sender: sender('a'), atMs: 10 });
    expect(history.senderOf(5, 2)).toEqual({ sender: sender('b'), atMs: 20 });
    expect(history.senderOf(5, 3)).toBeNull();
    for (let i = 0; i < BATCHES_REMEMBERED_MAX; i++) history.stored(100 + i, 100 + i, 2, sender(`${i}`), i);
    expect(history.senderOf(5, 2)).toBeNull();
    expect(history.senderOf(100, 2)).not.toBeNull();
    history.stored(5_000, 5_000, 2, sender('c'), 1);
    expect(history.senderOf(100, 2)).toBeNull();
    expect(history.senderOf(5_000, 2)).not.toBeNull();
  });

  it('when its high watermark passed an offset, as far back as it is kept', () => {
    const history = new PartitionHistory();
    const at = (wall: number, highWatermark: number) => {
      time.wall = wall;
      history.watermarkAdvanced(highWatermark, clock);
    };
    at(1, 5);
    history.begin(5);
    at(100, 8);
    at(100 + ADVANCE_SPACING_MS - 1, 9);
    at(200, 12);
    expect([4, 5, 7, 8, 9, 11, 12].map((offset) => history.committedAtMs(offset))).toEqual([null, 100, 100, 100, 200, 200, null]);
    for (let i = 1; i <= ADVANCES_REMEMBERED_MAX; i++) at(1_000 + i * ADVANCE_SPACING_MS, 12 + i);
    expect(history.committedAtMs(11)).toBeNull();
    expect(history.committedAtMs(12)).toBe(1_000 + ADVANCE_SPACING_MS);
    expect(history.committedAtMs(12 + ADVANCES_REMEMBERED_MAX - 1)).toBe(1_000 + ADVANCES_REMEMBERED_MAX * ADVANCE_SPACING_MS);
  });

  it('nothing of what an election took back', () => {
    const history = new PartitionHistory();
    history.begin(0);
    time.wall = 10;
    history.watermarkAdvanced(20, clock);
    time.wall = 50;
    history.watermarkAdvanced(12, clock);
    time.wall = 90;
    history.watermarkAdvanced(21, clock);
    expect([11, 12, 20].map((offset) => history.committedAtMs(offset))).toEqual([null, 90, 90]);
  });

  it('nothing once others need the room: the one that began first goes', () => {
    const registry = newRegistry();
    const histories = Array.from({ length: PARTITIONS_REMEMBERED_MAX + 1 }, () => new PartitionHistory());
    for (const history of histories) registry.remember(history, 0);
    expect(histories.map((history) => history.isKept).indexOf(true)).toBe(1);
    expect(histories.at(-1)!.isKept).toBe(true);
  });
});
