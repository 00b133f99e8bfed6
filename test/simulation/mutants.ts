/**
 * Proof that the simulation can fail: each mutant is the built product with one guard taken out, and must be caught within a
 * bounded number of seeds. A mutation is a text replacement on a copy of dist; one that does not match exactly once fails
 * loudly, so the table cannot rot.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { COORDINATOR_MUTANTS } from './coordinator-mutants.js';

export interface Edit {
  /** Below dist. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  readonly guard: string;
  readonly edits: readonly Edit[];
  /** Seeds with such a store only; the others cannot tell. */
  readonly only?: 'shared';
}

const SEEDS_MAX = 300;
const GROUP_SHARD = 'libs/broker-core/src/groups/group-shard.js';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'no truncation by epoch',
    guard: 'R3: the leader compares the epochs of a follower that fetches',
    edits: [
      {
        file: 'libs/replication/src/divergence.js',
        find: 'if (end.leaderEpoch === lastFetchedEpoch && end.endOffset >= fetchOffset)',
        replace: 'if (true)',
      },
    ],
  },
  {
    name: 'high watermark without the ISR',
    guard: 'R1: every member of the maximal ISR holds what is committed',
    edits: [
      {
        file: 'libs/replication/src/leader-state.js',
        find: 'if (!position || position.heldEndOffset < 0)\n                return null;',
        replace: 'if (!position || position.heldEndOffset < 0)\n                continue;',
      },
      { file: 'libs/replication/src/leader-state.js', find: 'end = Math.min(end, position.heldEndOffset);', replace: '' },
    ],
  },
  {
    name: 'no fencing by broker epoch',
    guard: 'R9, R12: a seat and a request count only under the registered broker epoch',
    edits: [
      {
        file: 'libs/metadata/src/decisions/broker-state.js',
        find: 'if (broker.brokerEpoch === command.brokerEpoch)',
        replace: 'if (true)',
      },
      { file: 'libs/metadata/src/image.js', find: 'broker.brokerEpoch === seat.brokerEpoch && ', replace: '' },
      { file: 'libs/replication/src/leader-state.js', find: ' && broker.brokerEpoch === member.brokerEpoch;', replace: ';' },
      {
        file: 'libs/replication/src/leader-state.js',
        find: 'position && position.brokerEpoch === member.brokerEpoch ?',
        replace: 'position ?',
      },
      { file: 'libs/broker-core/src/partition.js', find: ' && seat.brokerEpoch === this.host.brokerEpoch)', replace: ')' },
    ],
  },
  {
    name: 'commits seen above the watermark',
    guard: 'R24: what a group coordinator answers is below the high watermark',
    edits: [
      {
        file: GROUP_SHARD,
        find: 'this.partition.whenCommitted(this.appliedEnd, (error) => {',
        replace: "once('NONE');\n        this.partition.whenCommitted(this.appliedEnd, (error) => {",
      },
    ],
  },
  {
    name: 'groups served before they are loaded',
    guard: 'R24: a new group coordinator has loaded everything committed before it answers',
    edits: [
      {
        file: GROUP_SHARD,
        find: 'await this.whenCommitted(end);\n        try {\n            await this.replay(end);',
        replace: 'try {',
      },
    ],
  },
  {
    name: 'commits of an old generation',
    guard: 'R24, H8: a commit counts in the generation that it names',
    edits: [
      {
        file: 'libs/groups/src/group-requests.js',
        find: 'request.generationId === group.generationId && !group.members.get(request.memberId).isNew',
        replace: 'true',
      },
      {
        file: 'libs/groups/src/group-requests.js',
        find: "return group.members.has(memberId) ? null : 'UNKNOWN_MEMBER_ID';",
        replace: 'return null;',
      },
    ],
  },
  {
    name: 'cleaner drops the newest value',
    guard: 'compaction keeps the newest record of each key',
    edits: [
      {
        file: 'libs/log/src/cleaner/filter-batch.js',
        find: 'record.offset < map.get(record.key)',
        replace: 'record.offset <= map.get(record.key)',
      },
    ],
  },
];

/** More of the same, for `--all`: other guards whose loss a simulation has to notice. */
export const MORE_MUTANTS: readonly Mutant[] = [
  {
    name: 'offsets told by a deposed leader',
    guard: 'R24: a look-up is confirmed to come from the leader',
    edits: [{ file: GROUP_SHARD, find: 'if (!(await confirmed))', replace: 'if (false)' }],
  },
  {
    name: 'held before it is synced',
    guard: 'R2: under commit a replica counts only what its fdatasync covered',
    edits: [
      {
        file: 'libs/log/src/segmented-log.js',
        find: "this.currentConfig.flushPolicy === 'commit' ? Math.max(this.flushedEndOffset, this.heldBeforeSwitch) : this.writtenEndOffset",
        replace: 'this.writtenEndOffset',
      },
    ],
  },
  {
    name: 'ISR entry without the epoch start',
    guard: 'R8: a follower enters the ISR holding high watermark and epoch start',
    edits: [
      {
        file: 'libs/replication/src/leader-state.js',
        find: 'const needed = Math.max(this.watermark, this.epochStartOffset);',
        replace: 'const needed = 0;',
      },
    ],
  },
  {
    name: 'watermark of the committed ISR',
    guard: 'R1, R9: a proposed member counts until its proposal ended',
    edits: [{ file: 'libs/replication/src/leader-state.js', find: 'if (!this.pending)\n            return;\n', replace: 'return;\n' }],
  },
  {
    name: 'acknowledged before committed',
    guard: 'R1: acks=all is answered by the high watermark',
    edits: [
      {
        file: 'libs/broker-core/src/partition.js',
        find: 'if (state.isHighWatermarkFresh && this.watermark >= end)',
        replace: 'if (true)',
      },
    ],
  },
  {
    name: 'duplicates answered at once',
    guard: 'R26: a duplicate is answered when the high watermark of this epoch passed it',
    edits: [
      {
        file: 'libs/broker-core/src/produce.js',
        find: 'if (request.acks === -1)\n                partition.whenCommitted(',
        replace:
          "if (outcome.isDuplicate)\n                settle('NONE');\n            else if (request.acks === -1)\n                partition.whenCommitted(",
      },
    ],
  },
  {
    name: 'no deduplication',
    guard: 'R26: a batch that is sent again is not stored again',
    edits: [{ file: 'libs/log/src/segmented-log.js', find: 'if (answer !== null)\n                return answer;', replace: '' }],
  },
  {
    name: 'consumers read to the log end',
    guard: 'G3: consumers see offsets below the high watermark',
    edits: [
      {
        file: 'libs/broker-core/src/fetch.js',
        find: 'request.replica ? log.logEndOffset : partition.highWatermark;\n    if (request.maxBytes',
        replace: 'log.logEndOffset;\n    if (request.maxBytes',
      },
    ],
  },
  {
    name: 'names not synced at a roll',
    guard: 'R16: the name of a new segment is durable before anything counts in it',
    edits: [
      {
        file: 'libs/log/src/segment-store.js',
        find: 'this.active.nextOffset, nowMs));\n        this.disk.syncDirectory(this.folder);',
        replace: 'this.active.nextOffset, nowMs));',
      },
    ],
  },
  {
    name: 'metadata published before it is stored',
    guard: 'R17: a metadata change is durable before anybody sees it',
    edits: [{ file: 'libs/metadata/src/entry-file.js', find: 'await this.file.sync();', replace: '' }],
  },
];

interface Verdict {
  readonly mutant: Mutant;
  readonly caughtBy: string | null;
  readonly seed: number | null;
  readonly seconds: number;
}

function main(): number {
  const root = resolve(import.meta.dirname, '../../..');
  const only = process.argv[3];
  const mutants =
    process.argv[2] !== '--all'
      ? MUTANTS
      : [...MUTANTS, ...MORE_MUTANTS, ...COORDINATOR_MUTANTS].filter(({ name }) => only === undefined || name === only);
  const width = Math.max(...mutants.map(({ name }) => name.length));
  console.log(`${'mutant'.padEnd(width)}  ${'caught'.padEnd(6)}  ${'seed'.padStart(4)}  ${'time'.padStart(6)}  by`);
  const verdicts = mutants.map((mutant) => {
    const verdict = judge(root, mutant);
    const { caughtBy, seed, seconds } = verdict;
    const cells = [
      mutant.name.padEnd(width),
      caughtBy ? 'yes   ' : 'NO    ',
      String(seed ?? '-').padStart(4),
      `${seconds.toFixed(1)} s`.padStart(6),
    ];
    console.log(`${cells.join('  ')}  ${caughtBy?.split('\n')[0] ?? `survived ${SEEDS_MAX} seeds; taken out: ${mutant.guard}`}`);
    return verdict;
  });
  return verdicts.every(({ caughtBy }) => caughtBy !== null) ? 0 : 1;
}

function judge(root: string, mutant: Mutant): Verdict {
  const directory = mkdtempSync(join(tmpdir(), 'yak-mutant-'));
  const startedMs = performance.now();
  try {
    cpSync(join(root, 'dist'), join(directory, 'dist'), { recursive: true });
    cpSync(join(root, 'package.json'), join(directory, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
    for (const edit of mutant.edits) apply(join(directory, 'dist', edit.file), edit, mutant.name);
    const main = join(directory, 'dist/test/simulation/main.js');
    const run = spawnSync(
      process.execPath,
      [main, '--seeds', `1..${SEEDS_MAX}`, '--json', ...(mutant.only ? ['--only', mutant.only] : [])],
      { encoding: 'utf8', maxBuffer: 1 << 26 },
    );
    const report = lastJsonLine(run.stdout);
    if (report === null) throw new Error(`the simulation of "${mutant.name}" did not report:\n${run.stdout}\n${run.stderr}`);
    const first = report.failed[0];
    return { mutant, caughtBy: first?.message ?? null, seed: first?.seed ?? null, seconds: (performance.now() - startedMs) / 1000 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function apply(path: string, edit: Edit, mutant: string): void {
  const text = readFileSync(path, 'utf8');
  const matches = text.split(edit.find).length - 1;
  if (matches !== 1)
    throw new Error(`mutant "${mutant}": ${edit.file} has ${matches} places that read ${JSON.stringify(edit.find)}, expected exactly one`);
  writeFileSync(
    path,
    text.replace(edit.find, () => edit.replace),
  );
}

function lastJsonLine(output: string): { failed: { seed: number; message: string }[] } | null {
  const line = output.trim().split('\n').at(-1) ?? '';
  return line.startsWith('{') ? JSON.parse(line) : null;
}

process.exitCode = main();
