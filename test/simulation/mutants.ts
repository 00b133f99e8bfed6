/**
 * Proof that the simulation can fail: each mutant is the built product with one guard taken out, and must be caught within a
 * bounded number of seeds. A mutation is a text replacement on a copy of dist; one that does not match exactly once fails
 * loudly, so the table cannot rot.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

interface Edit {
  /** Below dist. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

interface Mutant {
  readonly name: string;
  readonly guard: string;
  readonly edits: readonly Edit[];
}

const SEEDS_MAX = 300;

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
];

interface Verdict {
  readonly mutant: Mutant;
  readonly caughtBy: string | null;
  readonly seed: number | null;
  readonly seconds: number;
}

function main(): number {
  const root = resolve(import.meta.dirname, '../../..');
  const verdicts = MUTANTS.map((mutant) => judge(root, mutant));
  const width = Math.max(...MUTANTS.map(({ name }) => name.length));
  console.log(`${'mutant'.padEnd(width)}  ${'caught'.padEnd(6)}  ${'seed'.padStart(4)}  ${'time'.padStart(6)}  by`);
  for (const { mutant, caughtBy, seed, seconds } of verdicts) {
    const cells = [
      mutant.name.padEnd(width),
      caughtBy ? 'yes   ' : 'NO    ',
      String(seed ?? '-').padStart(4),
      `${seconds.toFixed(1)} s`.padStart(6),
    ];
    console.log(`${cells.join('  ')}  ${caughtBy?.split('\n')[0] ?? `survived ${SEEDS_MAX} seeds; taken out: ${mutant.guard}`}`);
  }
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
    const run = spawnSync(process.execPath, [main, '--seeds', `1..${SEEDS_MAX}`, '--json'], { encoding: 'utf8', maxBuffer: 1 << 26 });
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
