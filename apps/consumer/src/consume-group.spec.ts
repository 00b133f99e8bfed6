import { Writable } from 'node:stream';
import type { Client, ConsumedRecord, GroupConsumer, GroupEvent, OffsetToCommit } from '#client';
import type { ConsumeOptions } from './consume-command.js';
import { consumeAsMember, groupMember } from './consume-group.js';
import { parseFormat } from './format.js';
import { Output } from './output.js';

const PARTITIONS = [{ topic: 't', partition: 1 }];
const turn = () => new Promise((resolve) => setImmediate(resolve));

function batch(from: number, to: number): ConsumedRecord[] {
  return Array.from({ length: to - from }, (_, i) => {
    return { topic: 't', partition: 1, offset: from + i, timestamp: 0, key: null, value: Buffer.from(`v${from + i}`), headers: [] };
  });
}

/** The group as a script: what it gives out and what it says. */
class ScriptedGroup {
  readonly commits: number[] = [];
  isClosed = false;
  failCommits = false;
  private listener: (event: GroupEvent) => void | Promise<void> = () => {};
  private readonly batches: ConsumedRecord[][] = [];
  private wake = () => {};

  give(records: ConsumedRecord[]): void {
    this.batches.push(records);
    this.wake();
  }

  async tell(event: GroupEvent): Promise<void> {
    await this.listener(event);
  }

  assign(generationId = 1): Promise<void> {
    return this.tell({ type: 'assigned', generationId, memberId: 'm', isLeader: true, protocol: 'range', partitions: PARTITIONS });
  }

  client(existing = ['t']): Client {
    const cause = {
      kind: 'joined',
      memberId: 'm',
      groupInstanceId: null,
      clientId: 'c',
      clientHost: '/10.0.0.7',
      reason: 'it starts',
      atMs: 0,
    };
    const consumer: Partial<GroupConsumer> = {
      onEvent: (listener) => void (this.listener = listener),
      commitOffsets: async (offsets: readonly OffsetToCommit[]) => {
        if (this.failCommits) throw new Error('t-1: not committed');
        this.commits.push(...offsets.map(({ offset }) => offset));
      },
      lastRebalance: async () => ({ generationId: 1, causes: [cause], causesOmitted: 0 }) as never,
      close: async () => {
        this.isClosed = true;
        this.wake();
      },
      [Symbol.asyncIterator]: () => ({ next: () => this.next() }),
    };
    const describeTopics = async (names: readonly string[]) =>
      names.map((name) => ({ name, error: existing.includes(name) ? 'NONE' : 'UNKNOWN_TOPIC_OR_PARTITION' }));
    return { groupConsumer: () => consumer, admin: { describeTopics } } as never;
  }

  private async next(): Promise<IteratorResult<readonly ConsumedRecord[]>> {
    while (this.batches.length === 0 && !this.isClosed) await new Promise<void>((resolve) => (this.wake = resolve));
    const value = this.batches.shift();
    return value === undefined ? { done: true, value: undefined } : { done: false, value };
  }
}

/** Takes what is written when told to. */
class SlowReader {
  readonly taken: string[] = [];
  private readonly callbacks: ((error?: Error) => void)[] = [];
  readonly stream = new Writable({
    highWaterMark: 1000,
    write: (chunk: Buffer, _encoding, done) => {
      this.taken.push(chunk.toString());
      this.callbacks.push(done);
    },
  });

  take(): void {
    this.callbacks.shift()!();
  }
}

function started(options: Partial<ConsumeOptions> = {}, left = Number.POSITIVE_INFINITY) {
  const group = new ScriptedGroup();
  const reader = new SlowReader();
  const lines: string[] = [];
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  const member = groupMember(['t'], { group: 'g', autoCommitIntervalMs: 86_400_000, ...options } as ConsumeOptions)!;
  const to = {
    format: parseFormat('%o '),
    output: new Output(reader.stream),
    left,
    stopped,
    warn: (line: string) => void lines.push(line),
  };
  const end = consumeAsMember(group.client(), member, to);
  return { group, reader, lines, stop, end };
}

describe('yak consume --group', () => {
  it('commits what the reader of the output has and nothing else', async () => {
    const { group, reader, stop, end } = started();
    await turn();
    await group.assign();
    group.give(batch(0, 3));
    group.give(batch(3, 5));
    await turn();
    await turn();
    reader.take();
    await turn();
    stop();
    // The second batch lies in a buffer: who stops does not wait for its reader for long.
    await end;
    expect(group.commits).toEqual([3]);
    expect([group.isClosed, reader.taken]).toEqual([true, ['0 1 2 ', '3 4 ']]);
  });

  it('before a rebalance it waits for the reader, then commits, and does not commit it again for a later assignment', async () => {
    const { group, reader, lines, stop, end } = started();
    await turn();
    await group.assign();
    group.give(batch(0, 3));
    await turn();
    const revoked = group.tell({ type: 'revoking', reason: 'the group is rebalancing', partitions: PARTITIONS });
    await turn();
    expect(group.commits).toEqual([]);
    reader.take();
    await revoked;
    expect(group.commits).toEqual([3]);
    await group.assign(2);
    group.give(batch(3, 4));
    await turn();
    await group.tell({ type: 'lost', reason: 'its session timed out', partitions: PARTITIONS });
    await group.assign(4);
    reader.take();
    await turn();
    stop();
    await end;
    expect(group.commits).toEqual([3]);
    expect(lines).toEqual([
      'group g: generation 1, as its leader: t-1',
      'group g: generation 1 came because m at 10.0.0.7 joined ("it starts")',
      'group g: the group is rebalancing; giving back t-1',
      'group g: generation 2, as its leader: t-1',
      'group g: generation 1 came because m at 10.0.0.7 joined ("it starts")',
      'group g: lost t-1: its session timed out; what was not committed will be given out again',
      'group g: generation 4, as its leader: t-1',
      'group g: generation 1 came because m at 10.0.0.7 joined ("it starts")',
    ]);
  });

  it('ends after --max-messages with exactly these committed, and when its reader goes away with what that had', async () => {
    const limited = started({}, 4);
    await turn();
    await limited.group.assign();
    limited.group.give(batch(0, 3));
    limited.group.give(batch(3, 6));
    await turn();
    await turn();
    limited.reader.take();
    await turn();
    limited.reader.take();
    await limited.end;
    expect([limited.reader.taken, limited.group.commits]).toEqual([['0 1 2 ', '3 '], [4]]);

    const gone = started();
    await turn();
    await gone.group.assign();
    gone.group.give(batch(0, 3));
    await turn();
    gone.reader.take();
    gone.group.give(batch(3, 6));
    await turn();
    gone.reader.stream.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    gone.stop();
    await gone.end;
    expect([gone.group.commits, gone.group.isClosed]).toEqual([[3], true]);
  });

  it('commits again what a failed commit left, and says what went wrong', async () => {
    const { group, reader, lines, stop, end } = started({ autoCommitIntervalMs: 1 });
    await turn();
    await group.assign();
    group.failCommits = true;
    group.give(batch(0, 3));
    await turn();
    reader.take();
    while (!lines.some((line) => line.includes('not committed'))) await turn();
    group.failCommits = false;
    while (group.commits.length === 0) await turn();
    expect(group.commits).toEqual([3]);
    stop();
    await end;
    expect(group.commits).toEqual([3]);
  });

  it('says which offsets were not there any more, and that the coordinator moved', async () => {
    const { group, lines, stop, end } = started();
    await turn();
    await group.tell({ type: 'coordinator', brokerId: 1, reason: 'broker 1 at h:1' });
    await group.tell({ type: 'coordinator', brokerId: null, reason: 'broker 1 says NOT_COORDINATOR' });
    await group.tell({ type: 'coordinator', brokerId: 2, reason: 'broker 2 at h:2' });
    const outOfRange = { type: 'out-of-range', topic: 't', partition: 1, position: 5, now: 9 } as const;
    await group.tell({ ...outOfRange, cause: 'retention' });
    await group.tell({ ...outOfRange, cause: 'truncation', now: 3 });
    stop();
    await end;
    expect(lines).toEqual([
      'group g: its coordinator is gone (broker 1 says NOT_COORDINATOR); looking for the next one',
      'group g: its coordinator is broker 2 at h:2 now',
      'group g: t-1: offsets 5 to 8 were not read: retention has removed them; going on with 9',
      'group g: t-1: the log ends at 3, before offset 5 where the group was; going on with 3',
    ]);
  });

  it('waits for a topic that does not exist yet, unless its end is asked for', async () => {
    const group = new ScriptedGroup();
    const lines: string[] = [];
    const to = { format: parseFormat('value'), output: new Output(new SlowReader().stream), left: 1, stopped: Promise.resolve() };
    const warn = (line: string) => void lines.push(line);
    await consumeAsMember(group.client(), groupMember(['t', 'u'], { group: 'g' } as ConsumeOptions)!, { ...to, warn });
    expect(lines).toEqual(['topic u does not exist yet; waiting for it']);
    const toEnd = groupMember(['t', 'u'], { group: 'g', exitAtEnd: true } as ConsumeOptions)!;
    await expect(consumeAsMember(group.client(), toEnd, { ...to, warn })).rejects.toThrow('topic u does not exist');
  });

  it('begins with the oldest record unless told otherwise, and refuses options that do not go together', () => {
    const member = (options: Partial<ConsumeOptions>) => groupMember(['t'], options as ConsumeOptions);
    expect(member({})).toBe(null);
    expect(member({ group: 'g' })).toMatchObject({ config: { groupId: 'g', from: 'earliest' }, commitIntervalMs: 5000 });
    expect(member({ group: 'g', from: '@0', instanceId: 'i', sessionTimeoutMs: 9 })).toMatchObject({
      config: { from: { timestamp: 0 }, groupInstanceId: 'i', sessionTimeoutMs: 9, autoCommitIntervalMs: null },
    });
    expect(() => member({ instanceId: 'i' })).toThrow('--instance-id needs --group');
    expect(() => member({ autoCommitIntervalMs: 5 })).toThrow('--auto-commit-interval-ms needs --group');
    expect(() => member({ group: 'g', partition: 0 })).toThrow('--partition and --group exclude each other');
    expect(() => member({ group: 'g', offset: '5' })).toThrow('--from is for what it has not');
    expect(() => member({ group: 'g', fromBeginning: true, from: 'latest' })).toThrow('--from-beginning and --from');
    expect(() => member({ group: 'g', from: 'x' })).toThrow('--from x: it has to be');
    expect(() => member({ group: '' })).toThrow('name is empty');
  });
});
