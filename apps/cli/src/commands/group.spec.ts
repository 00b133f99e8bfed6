import { Command } from 'commander';
import type { Client, DescribedGroup, PartitionProgress } from '#client';
import { encodeAssignment, type Rebalance, type RebalanceCause } from '#groups';
import type { KafkaErrorName } from '#kernel';
import { YakError } from '#kernel';
import { exitCodeOf, failureLine } from '../../../shared/command/failure.js';
import { formatDuration, parseDuration, parseMoment } from '../../../shared/command/moments.js';
import { deleteGroups, describeGroup, explainGroup, listGroups } from './group.js';
import { addGroupCommand, type ResetOffsetsOptions } from './group-command.js';
import { parseReset, planReset, resetOffsets } from './group-reset.js';
import { causeText, historyText } from './group-text.js';

const NOW_MS = Date.parse('2025-01-31T12:00:00Z');
const UUID = '3f2a9c10-0000-4000-8000-000000000000';

function member(
  clientId: string,
  assigned: Record<string, number[]>,
  groupInstanceId: string | null = null,
): DescribedGroup['members'][number] {
  const partitions = Object.entries(assigned).map(([topic, indexes]) => ({ topic, partitions: indexes }));
  return {
    memberId: `${groupInstanceId ?? clientId}-${UUID}`,
    groupInstanceId,
    clientId,
    clientHost: '/10.0.0.1',
    metadata: Buffer.alloc(0),
    assignment: encodeAssignment({ partitions }),
  };
}

function group(fields: Partial<DescribedGroup> = {}): DescribedGroup {
  const members = [member('c1', { t: [0] }), member('c2', { t: [1], u: [0] }, 'i2')];
  const rest = { protocolType: 'consumer', protocolName: 'range', generationId: 4, coordinatorId: 1 };
  return { groupId: 'g', error: 'NONE', state: 'Stable', members, ...rest, ...fields };
}
const EMPTY = group({ state: 'Empty', members: [], protocolName: '' });

function progress(topic: string, partition: number, committedOffset: number, endOffset: number, fields: Partial<PartitionProgress> = {}) {
  const lagRecords = committedOffset < 0 || endOffset < 0 ? null : endOffset - committedOffset;
  const rest = { committedAtMs: NOW_MS, metadata: '', startOffset: 0, error: 'NONE' as const };
  return {
    topic,
    partition,
    committedOffset,
    endOffset,
    lagRecords,
    lagMs: lagRecords === null ? null : lagRecords * 1_500,
    ...rest,
    ...fields,
  };
}

interface Fake {
  groups?: Partial<Client['admin']['groups']>;
  /** earliest, latest, and the offset of every time; by `topic-partition`. */
  offsets?: Record<string, [number, number, number]>;
  committed?: Record<string, number>;
  described?: DescribedGroup;
  compacted?: readonly string[];
}

interface Run {
  readonly client: Client;
  readonly printed: string[];
  readonly print: (text: string) => void;
  readonly commits: { topic: string; partition: number; offset: number }[];
}

function run({ groups, offsets = {}, committed = {}, described = EMPTY, compacted = [] }: Fake): Run {
  const printed: string[] = [];
  const commits: Run['commits'] = [];
  const split = (key: string) => ({ topic: key.slice(0, key.lastIndexOf('-')), partition: Number(key.slice(key.lastIndexOf('-') + 1)) });
  const admin = {
    groups: {
      describe: async (ids: readonly string[]) => ids.map((groupId) => ({ ...described, groupId })),
      fetchOffsets: async () => ({
        error: 'NONE',
        partitions: Object.entries(committed).map(([key, offset]) => ({ ...split(key), offset })),
      }),
      commitOffsets: async (_groupId: string, partitions: Run['commits']) => {
        commits.push(...partitions.map(({ topic, partition, offset }) => ({ topic, partition, offset })));
        return { partitions: partitions.map(({ topic, partition }) => ({ topic, partition, error: 'NONE' })) };
      },
      ...groups,
    },
    describeTopics: async (topics: readonly string[]) =>
      topics.map((name) => {
        const partitions = Object.keys(offsets).filter((key) => split(key).topic === name);
        const error = partitions.length === 0 ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'NONE';
        return { name, error, partitions: partitions.map((key) => ({ partition: split(key).partition })) };
      }),
    describeConfigs: async ({ resources }: { resources: readonly { name: string }[] }) => ({
      resources: resources.map(({ name }) => ({
        name,
        configs: [{ name: 'cleanup.policy', value: compacted.includes(name) ? 'compact,delete' : 'delete' }],
      })),
    }),
    listOffsets: async (requests: readonly { topic: string; partition: number; timestamp: 'earliest' | 'latest' | number }[]) => ({
      partitions: requests.map(({ topic, partition, timestamp }) => {
        const known = offsets[`${topic}-${partition}`]!;
        return { topic, partition, error: 'NONE', offset: known[timestamp === 'earliest' ? 0 : timestamp === 'latest' ? 1 : 2] };
      }),
    }),
  };
  return { client: { admin } as unknown as Client, printed, print: (text) => void printed.push(text), commits };
}

/** [exit code, message] */
const failureOf = (promise: Promise<unknown>): Promise<[number, string]> =>
  promise.then(
    () => Promise.reject(new Error('it went well')),
    (error: YakError) => [exitCodeOf(error), error.message],
  );

describe('yak group list', () => {
  const groups = [
    { groupId: 'a', protocolType: 'consumer', state: 'Stable' as const, groupType: 'classic' as const, coordinatorId: 2 },
    { groupId: 'bcd', protocolType: '', state: 'Empty' as const, groupType: 'classic' as const, coordinatorId: 0 },
  ];

  it('shows every group, and what could not be asked ends in exit code 3', async () => {
    const whole = run({ groups: { list: async () => ({ groups, silentBrokers: [] }) } });
    expect(await listGroups(whole.client, {}, whole.print)).toBe(0);
    expect(whole.printed.join('\n')).toBe(
      [
        'group  state   type      coordinator', //
        'a      Stable  consumer  broker 2',
        'bcd    Empty   -         broker 0',
      ].join('\n'),
    );
    const silentBrokers = [{ brokerId: 1, reason: 'it is still loading' }];
    const partly = run({ groups: { list: async () => ({ groups, silentBrokers }) } });
    expect(await failureOf(listGroups(partly.client, { json: true }, partly.print))).toEqual([
      3,
      'groups may be missing from the list, because not every broker answered: broker 1 (it is still loading)',
    ]);
    expect(JSON.parse(partly.printed[0]!)).toEqual({ groups, silentBrokers });
  });
});

describe('yak group describe', () => {
  const partitions = [
    progress('t', 0, 2, 12),
    progress('t', 1, 7, 7),
    progress('u', 0, -1, 3),
    progress('v', 0, 5, -1, { error: 'UNKNOWN_TOPIC_OR_PARTITION' }),
  ];

  it('shows members with what they read, and each partition with its lag and reader', async () => {
    let also: unknown;
    const one = run({
      described: group(),
      groups: {
        progress: async (_groupId, asked) => {
          also = asked;
          return partitions;
        },
      },
    });
    expect(await describeGroup(one.client, 'g', {}, one.print)).toBe(0);
    expect(also).toEqual([
      { topic: 't', partition: 0 },
      { topic: 't', partition: 1 },
      { topic: 'u', partition: 0 },
    ]);
    expect(one.printed.join('\n')).toBe(
      [
        'g  Stable  generation 4  protocol range  coordinator broker 1  lag 10 records, 15.0 s',
        '  client  host      instance  member                                   reads',
        `  c1      10.0.0.1  -         c1-${UUID}  t:0`,
        `  c2      10.0.0.1  i2        i2-${UUID}  t:1 u:0`,
        '  topic  partition  committed  end             lag         lag in time  read by',
        '  t      0          2          12              10 records  15.0 s       c1-3f2a9c10…',
        '  t      1          7          7               0 records   0 s          i2',
        '  u      0          -          3               -           -            i2',
        '  v      0          5          does not exist  -           -            -',
      ].join('\n'),
    );
  });

  it('is for programs too, and says what it cannot read', async () => {
    const damaged = { ...member('c1', {}), assignment: Buffer.from([0]) };
    const one = run({ described: group({ members: [damaged, member('c2', { t: [1] })] }), groups: { progress: async () => partitions } });
    await describeGroup(one.client, 'g', { json: true }, one.print);
    const shown = JSON.parse(one.printed[0]!);
    expect(shown).toMatchObject({ groupId: 'g', state: 'Stable', generationId: 4, protocolName: 'range', coordinatorId: 1 });
    expect(shown.members.map((m: { assignment: unknown }) => m.assignment)).toEqual([null, [{ topic: 't', partitions: [1] }]]);
    expect(shown.partitions[0]).toEqual({ ...partitions[0], error: undefined, owner: null });
    expect(shown.partitions.map((p: { owner: unknown; error?: string }) => [p.owner, p.error])).toEqual([
      [null, undefined],
      [`c2-${UUID}`, undefined],
      [null, undefined],
      [null, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ]);
    const other = run({ described: group({ protocolType: 'connect' }), groups: { progress: async () => [] } });
    await describeGroup(other.client, 'g', {}, other.print);
    expect(other.printed[0]).toMatch(/ {2}\?\n.* {2}\?\nit has committed nothing$/);
  });

  it('has words for an empty group, and an error for one that does not exist', async () => {
    const empty = run({ groups: { progress: async () => [] } });
    await describeGroup(empty.client, 'g', {}, empty.print);
    expect(empty.printed[0]).toBe('g  Empty  generation 4  coordinator broker 1\nit has no members\nit has committed nothing');
    const missing = run({ described: group({ error: 'GROUP_ID_NOT_FOUND', state: 'Dead', members: [] }) });
    expect(await failureOf(describeGroup(missing.client, 'g', {}, missing.print))).toEqual([1, 'group g does not exist']);
    expect(missing.printed).toEqual([]);
  });
});

describe('yak group why', () => {
  const cause = (kind: RebalanceCause['kind'], fields: Partial<RebalanceCause> = {}): RebalanceCause => {
    return {
      kind,
      memberId: `c1-${UUID}`,
      groupInstanceId: null,
      clientId: 'c1',
      clientHost: '/10.0.0.1',
      reason: null,
      atMs: NOW_MS,
      ...fields,
    };
  };
  const rebalance = (fields: Partial<Rebalance>): Rebalance => {
    const base = { generationId: 1, startedAtMs: NOW_MS, durationMs: 12, causes: [cause('joined')], causesOmitted: 0, memberCount: 1 };
    return { ...base, protocolName: 'range', outcome: 'stable', ...fields };
  };
  const rebalances = [
    rebalance({}),
    rebalance({
      outcome: 'superseded',
      durationMs: null,
      causes: [cause('session-timeout', { groupInstanceId: 'i' })],
      causesOmitted: 1_200,
    }),
    rebalance({
      generationId: 2,
      memberCount: 0,
      protocolName: null,
      outcome: 'empty',
      causes: [cause('left', { reason: 'closing "now"' })],
    }),
    rebalance({ generationId: 3, memberCount: 3, durationMs: 61_000, causes: [] }),
  ];

  it('tells each rebalance: when, how long, who caused it, and what came of it', async () => {
    expect(historyText('g', rebalances)).toBe(
      [
        'g: 4 rebalances are known, oldest first',
        '',
        '2025-01-31T12:00:00.000Z  took 12 ms',
        '  c1-3f2a9c10… at 10.0.0.1 joined',
        '  => generation 1 with one member, protocol range',
        '',
        '2025-01-31T12:00:00.000Z  another broker took over in between',
        '  instance i (c1-3f2a9c10… at 10.0.0.1) sent no heartbeat within its session and was dropped',
        '  and 1,200 more like these',
        '  => given up for the next one (generation 1 stayed the last)',
        '',
        '2025-01-31T12:00:00.000Z  took 12 ms',
        '  c1-3f2a9c10… at 10.0.0.1 left: "closing "now""',
        '  => generation 2, without members',
        '',
        '2025-01-31T12:00:00.000Z  took 1 min 1 s',
        '  nobody is known to have caused it',
        '  => generation 3 with 3 members, protocol range',
      ].join('\n'),
    );
    expect(historyText('g', [])).toBe('g: no rebalance is known');
    expect(historyText('g', rebalances.slice(0, 1))).toMatch(/^g: one rebalance is known\n/);
    expect(historyText('g', Array(20).fill(rebalances[0]))).toMatch(/^g: 20 rebalances are known, oldest first \(the last 20 are kept\)\n/);
    expect(causeText(cause('removed', { clientId: '', memberId: 'x', reason: '' }))).toBe('x at 10.0.0.1 was removed by an administrator');
  });

  it('prints what the coordinator remembers', async () => {
    const history = { error: 'NONE' as const, groupId: 'g', rebalances };
    const one = run({ groups: { history: async () => history } });
    await explainGroup(one.client, 'g', { json: true }, one.print);
    expect(JSON.parse(one.printed[0]!)).toEqual({ groupId: 'g', rebalances });
    const missing = run({ groups: { history: async () => ({ ...history, error: 'GROUP_ID_NOT_FOUND' }) } });
    expect(await failureOf(explainGroup(missing.client, 'g', {}, missing.print))).toEqual([1, 'group g does not exist']);
  });
});

it('what clients call themselves stays text, in its line', async () => {
  const evil = '\x1b[2J\u009b31m\u202ex\r\ny';
  const one = { ...member(evil, { t: [0] }, `i${evil}`), clientHost: `/h${evil}` };
  const groups = [{ groupId: `g${evil}`, state: 'Stable' as const, protocolType: evil, groupType: 'classic' as const, coordinatorId: 0 }];
  const fake = run({
    described: group({ groupId: evil, members: [one], protocolName: evil }),
    groups: {
      progress: async () => [progress('t', 0, 1, 2)],
      list: async () => ({ groups, silentBrokers: [] }),
      history: async () => ({
        error: 'NONE',
        groupId: evil,
        rebalances: [
          {
            ...{
              generationId: 1,
              startedAtMs: NOW_MS,
              durationMs: 1,
              causesOmitted: 0,
              memberCount: 1,
              protocolName: evil,
              outcome: 'stable',
            },
            causes: [{ ...one, kind: 'left', reason: evil, atMs: NOW_MS }],
          },
        ],
      }),
    },
  });
  await listGroups(fake.client, {}, fake.print);
  await describeGroup(fake.client, 'g', {}, fake.print);
  await explainGroup(fake.client, 'g', {}, fake.print);
  expect(fake.printed).toHaveLength(3);
  expect(fake.printed.map((text) => text.split('\n').length)).toEqual([2, 5, 5]);
  expect(fake.printed.join('')).not.toMatch(/[^\P{C}\n]/u);
  const refused = new Error(`group g has members: ${evil}`);
  expect(failureLine(refused, 'yak', false)).toBe('yak: group g has members: [2J31mx y');
});

it('a list of very many groups is one table', async () => {
  const base = { state: 'Stable' as const, protocolType: 'consumer', groupType: 'classic' as const, coordinatorId: 0 };
  const groups = Array.from({ length: 200_000 }, (_, i) => ({ groupId: `g${i}`, ...base }));
  const fake = run({ groups: { list: async () => ({ groups, silentBrokers: [] }) } });
  await listGroups(fake.client, {}, fake.print);
  expect(fake.printed[0]!.split('\n')).toHaveLength(groups.length + 1);
});

describe('yak group delete', () => {
  const deleting = (...errors: KafkaErrorName[]): Fake => ({
    described: group(),
    groups: { delete: async (ids) => ids.map((groupId, index) => ({ groupId, error: errors[index]! })) },
  });

  it('deletes what is empty and says what is not', async () => {
    const fine = run(deleting('NONE'));
    expect(await deleteGroups(fine.client, ['a'], {}, fine.print)).toBe(0);
    expect(fine.printed).toEqual(['a deleted']);

    const some = run(deleting('NONE', 'NON_EMPTY_GROUP', 'GROUP_ID_NOT_FOUND'));
    expect(await failureOf(deleteGroups(some.client, ['a', 'b', 'c'], {}, some.print))).toEqual([
      3,
      'group b was not deleted: it has members (c1-3f2a9c10… at 10.0.0.1, instance i2 (c2-3f2a9c10… at 10.0.0.1)); stop them first; ' +
        'group c was not deleted: it does not exist',
    ]);
    expect(some.printed).toEqual(['a deleted']);

    const forgiven = run(deleting('GROUP_ID_NOT_FOUND'));
    expect(await deleteGroups(forgiven.client, ['c'], { ifExists: true }, forgiven.print)).toBe(0);
    expect(forgiven.printed).toEqual(['c does not exist']);
    const json = run(deleting('NONE', 'GROUP_ID_NOT_FOUND'));
    expect((await failureOf(deleteGroups(json.client, ['a', 'c'], { json: true }, json.print)))[0]).toBe(3);
    expect(JSON.parse(json.printed[0]!)).toEqual([
      { groupId: 'a', deleted: true },
      { groupId: 'c', deleted: false, error: 'GROUP_ID_NOT_FOUND', message: 'it does not exist' },
    ]);
  });

  it('takes a repeat that finds nothing for what it most likely is', async () => {
    const lost = run({
      groups: { delete: async () => [{ groupId: 'a', error: 'GROUP_ID_NOT_FOUND', message: 'an attempt before got no answer' }] },
    });
    expect(await deleteGroups(lost.client, ['a'], {}, lost.print)).toBe(0);
    expect(lost.printed).toEqual(['a is gone: an attempt before got no answer']);
  });
});

/** As commander hands them over. */
function resetArguments(...argv: string[]): ResetOffsetsOptions {
  const program = new Command('yak').exitOverride();
  addGroupCommand(program);
  const command = program.commands.find((one) => one.name() === 'group')!.commands.find((one) => one.name() === 'reset-offsets')!;
  let options!: ResetOffsetsOptions;
  command.exitOverride().configureOutput({ outputError: () => {} });
  command.action((_group: string, parsed: ResetOffsetsOptions) => {
    options = parsed;
  });
  program.parse(['node', 'yak', 'group', 'reset-offsets', 'g', ...argv]);
  return options;
}
const parse = (...argv: string[]) => parseReset(resetArguments(...argv), NOW_MS);

describe('yak group reset-offsets', () => {
  it('takes exactly one target and says which there are', () => {
    const targets = [['--to-earliest'], ['--to-latest'], ['--to-offset', '7'], ['--shift-by', '-3']].map(
      (argv) => parse('--all-topics', ...argv).target,
    );
    expect(targets).toEqual([{ kind: 'earliest' }, { kind: 'latest' }, { kind: 'offset', offset: 7 }, { kind: 'shift', by: -3 }]);
    expect(parse('--all-topics', '--by-duration', 'PT1H').target).toEqual({ kind: 'time', timestamp: NOW_MS - 3_600_000 });
    expect(parse('--all-topics', '--to-datetime', '2025-01-31T12:00:00Z').target).toEqual({ kind: 'time', timestamp: NOW_MS });
    expect(() => parse('--all-topics')).toThrow(/exactly one of --to-earliest, .* and --shift-by; none was given$/);
    expect(() => parse('--all-topics', '--to-earliest', '--to-offset', '0')).toThrow(/; 2 were given$/);
    expect(() => parse('--all-topics', '--to-offset', '-1')).toThrow(/whole number from 0/);
  });

  it('takes topics, single partitions of them, or all', () => {
    expect(parse('--to-latest', '--topic', 't', '--topic', 'u:1,0,1').topics).toEqual([
      { topic: 't', partitions: null },
      { topic: 'u', partitions: [1, 0] },
    ]);
    expect(parse('--to-latest', '--all-topics').topics).toBeNull();
    expect(() => parse('--to-latest')).toThrow('say which topics: --topic T, --topic T:0,1 or --all-topics');
    expect(() => parse('--to-latest', '--all-topics', '--topic', 't')).toThrow(/exclude each other/);
    expect(() => parse('--to-latest', '--topic', 't:x')).toThrow('--topic t:x: after the colon come partitions, like t:0,1');
    expect(() => parse('--to-latest', '--topic', 'a/b')).toThrow(/--topic a\/b: /);
  });

  const positions = [{ topic: 't', partition: 0, committed: 50, earliest: 10, latest: 100, atTime: 70 }];
  const step = (target: Parameters<typeof planReset>[0], fields: Partial<(typeof positions)[0]> = {}) => {
    const { to, clampedTo, readAgain, skipped } = planReset(target, [{ ...positions[0]!, ...fields }])[0]!;
    return [to, clampedTo, readAgain, skipped];
  };

  it('counts what would be read again or skipped, inside what is there', () => {
    expect(step({ kind: 'earliest' })).toEqual([10, null, 40, 0]);
    expect(step({ kind: 'latest' })).toEqual([100, null, 0, 50]);
    expect(step({ kind: 'offset', offset: 9 })).toEqual([10, 'earliest', 40, 0]);
    expect(step({ kind: 'offset', offset: 101 })).toEqual([100, 'latest', 0, 50]);
    expect(step({ kind: 'offset', offset: 50 })).toEqual([50, null, 0, 0]);
    expect(step({ kind: 'time', timestamp: 1 })).toEqual([70, null, 0, 20]);
    expect(step({ kind: 'time', timestamp: 1 }, { atTime: -1 })).toEqual([100, null, 0, 50]);
    expect(step({ kind: 'shift', by: -60 })).toEqual([10, 'earliest', 40, 0]);
    expect(step({ kind: 'shift', by: 3 })).toEqual([53, null, 0, 3]);
    // Retention took what was committed; a truncated or remade topic ends before it.
    expect(step({ kind: 'earliest' }, { committed: 3 })).toEqual([10, null, 0, 0]);
    expect(step({ kind: 'latest' }, { committed: 300 })).toEqual([100, null, 0, 0]);
    expect(step({ kind: 'earliest' }, { committed: -1 })).toEqual([10, null, 0, 0]);
    expect(() => step({ kind: 'shift', by: 1 }, { committed: -1 })).toThrow(/committed nothing for t-0, so there is nothing to shift/);
  });

  const offsets: Fake['offsets'] = { 't-0': [0, 100, 70], 't-1': [20, 40, -1], 'u-0': [0, 0, -1] };
  const committed = { 't-0': 90, 't-1': 5 };

  it('shows the plan and changes nothing without --execute', async () => {
    const one = run({ offsets, committed });
    expect(await resetOffsets(one.client, 'g', parse('--topic', 't', '--topic', 'u:0', '--to-offset', '10'), {}, one.print)).toBe(0);
    expect(one.printed.join('\n')).toBe(
      [
        'g: 3 partitions',
        '  topic  partition  from  to  effect',
        '  t      0          90    10  80 records read again',
        '  t      1          5     20  nothing is read again (10 is not there: the earliest instead)',
        '  u      0          -     0   nothing was committed (10 is not there: the end instead)',
        'nothing was changed: 80 records would be read again, none skipped; --execute does it',
      ].join('\n'),
    );
    expect(one.commits).toEqual([]);
  });

  it('says of compacted topics that it may be fewer records than offsets', async () => {
    const one = run({ offsets, committed, compacted: ['t', 'u'] });
    await resetOffsets(one.client, 'g', parse('--topic', 't', '--topic', 'u', '--to-earliest'), {}, one.print);
    expect(one.printed.join('\n').split('\n').at(-1)).toBe(
      'nothing was changed: 90 records would be read again, none skipped; --execute does it (maybe fewer of t: it is compacted)',
    );
  });

  it('commits the plan with --execute', async () => {
    const one = run({ offsets, committed });
    const reset = parse('--all-topics', '--to-datetime', '2025-01-31T12:00:00Z');
    expect(await resetOffsets(one.client, 'g', reset, { execute: true }, one.print)).toBe(0);
    expect(one.commits).toEqual([
      { topic: 't', partition: 0, offset: 70 },
      { topic: 't', partition: 1, offset: 40 },
    ]);
    expect(one.printed[0]).toMatch(/^g: 2 partitions to the first record at or after 2025-01-31T12:00:00.000Z\n/);
    expect(one.printed[0]).toMatch(/\ndone: 20 records will be read again, 20 records skipped$/);
    const json = run({ offsets, committed });
    await resetOffsets(json.client, 'g', parse('--topic', 't:1', '--to-latest'), { json: true }, json.print);
    expect(JSON.parse(json.printed[0]!)).toEqual({
      groupId: 'g',
      executed: false,
      partitions: [{ topic: 't', partition: 1, from: 5, to: 40, clampedTo: null, asked: 40, readAgain: 0, skipped: 20 }],
    });
  });

  it('leaves a group with members alone, and one that a member joins meanwhile', async () => {
    const reset = parse('--topic', 't', '--to-earliest');
    const busy = run({ offsets, committed, described: group() });
    expect(await failureOf(resetOffsets(busy.client, 'g', reset, { execute: true }, busy.print))).toEqual([
      1,
      'group g has members: c1-3f2a9c10… at 10.0.0.1, instance i2 (c2-3f2a9c10… at 10.0.0.1); stop them first, they would commit over what is set here',
    ]);
    expect([busy.printed, busy.commits]).toEqual([[], []]);

    const refused = (error: KafkaErrorName, from = 0): Fake['groups'] => ({
      commitOffsets: async (_groupId, partitions) => ({
        partitions: partitions.map(({ topic, partition }) => ({ topic, partition, error: partition >= from ? error : 'NONE' })),
      }),
    });
    const late = run({ offsets, committed, groups: refused('UNKNOWN_MEMBER_ID') });
    expect(await failureOf(resetOffsets(late.client, 'g', reset, { execute: true }, late.print))).toEqual([
      1,
      'group g: the offsets of t-0, t-1 were not set: a member joined meanwhile; stop it first',
    ]);
    const partly = run({ offsets, committed, groups: refused('UNKNOWN_TOPIC_OR_PARTITION', 1) });
    expect((await failureOf(resetOffsets(partly.client, 'g', reset, { execute: true }, partly.print)))[0]).toBe(3);
  });

  it('may give a group that does not exist yet a place to begin at', async () => {
    const one = run({ offsets, described: group({ error: 'GROUP_ID_NOT_FOUND', state: 'Dead', members: [] }) });
    expect(await resetOffsets(one.client, 'g', parse('--topic', 't:1', '--to-earliest'), { execute: true }, one.print)).toBe(0);
    expect(one.commits).toEqual([{ topic: 't', partition: 1, offset: 20 }]);
    const all = resetOffsets(one.client, 'g', parse('--all-topics', '--to-earliest'), {}, one.print);
    expect(await failureOf(all)).toEqual([1, 'group g committed nothing; name topics with --topic']);
  });

  it('refuses topics and partitions that are not there', async () => {
    const one = run({ offsets, committed });
    const reset = (topic: string) => failureOf(resetOffsets(one.client, 'g', parse('--topic', topic, '--to-latest'), {}, one.print));
    expect(await reset('x')).toEqual([1, 'topic x does not exist']);
    expect(await reset('t:2')).toEqual([2, 'topic t has no partition 2; it has 2, from 0']);
  });
});

describe('durations and times', () => {
  it('are read as people write them', () => {
    const hour = 3_600_000;
    const read = ['P1DT2H', 'PT30M', 'p2w', 'PT1.5S', '90m', '1h30m', '2d', '250ms', '1.5h'].map((text) =>
      parseDuration(text, '--by-duration'),
    );
    expect(read).toEqual([26 * hour, hour / 2, 336 * hour, 1_500, 1.5 * hour, 1.5 * hour, 48 * hour, 250, 1.5 * hour]);
    for (const text of ['', 'P', 'PT', 'P1M', '90', 'm', '-1h', '1h 2m']) {
      expect(() => parseDuration(text, '--by-duration')).toThrow(
        `--by-duration ${text}: it has to be a duration like P1DT2H, PT30M or 90m`,
      );
    }
    expect(parseMoment('2025-01-31T13:00:00.000+01:00', '--x')).toBe(NOW_MS);
    expect(parseMoment(String(NOW_MS), '--x')).toBe(NOW_MS);
    for (const text of ['tomorrow', '2025-13-01', '-5', '']) {
      expect(() => parseMoment(text, '--x')).toThrow(`--x ${text}: it has to be a time like`);
    }
  });

  it('are written as people read them, without a carry that overflows', () => {
    const written = [0, 999, 1_000, 59_949, 59_950, 200_000, 3_599_499, 3_599_500, 7_500_000, 86_399_999, 86_400_000, 273_600_000];
    expect(written.map(formatDuration)).toEqual([
      '0 ms',
      '999 ms',
      '1.0 s',
      '59.9 s',
      '1 min',
      '3 min 20 s',
      '59 min 59 s',
      '1 h',
      '2 h 5 min',
      '1 d',
      '1 d',
      '3 d 4 h', //
    ]);
  });
});
