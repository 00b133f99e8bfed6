/** What a person sees: one line of totals, and for a failure everything that is needed to replay and read it. */
import type { SeedResult } from './run-seed.js';
import type { Tally } from './tally.js';

export function printFailure(result: SeedResult, commit: string): void {
  const { failure, seed } = result;
  if (failure === null) return;
  console.log(`\nFAILED seed ${seed}, commit ${commit}`);
  console.log(`  ${failure.message.replaceAll('\n', '\n  ')}`);
  const { faults, ...sizes } = failure.options;
  console.log(`  options ${JSON.stringify(sizes)}`);
  for (const { atMs, fault } of faults) console.log(`  fault   ${String(atMs).padStart(6)} ms  ${JSON.stringify(fault)}`);
  console.log(`  replay  npm run sim -- --seed ${seed} --verbose\n`);
  for (const line of failure.trace) console.log(line);
  console.log('');
}

export function printTotals(tally: Tally, elapsedMs: number): void {
  const { totals } = tally;
  const seconds = elapsedMs / 1000;
  const rows: [string, string][] = [
    ['seeds', `${tally.seeds} (${tally.failures.length} failed)`],
    ['with a shared store', count(totals.shared)],
    ['acknowledged records', count(totals.acknowledged)],
    ['faults', count(totals.faults)],
    ['elections', count(totals.elections)],
    ['truncations', count(totals.truncations)],
    ['ISR shrinks, expansions', `${count(totals.isrShrinks)}, ${count(totals.isrExpansions)}`],
    ['batches sent again', count(totals.retries)],
    ['deduplications', count(totals.deduplications)],
    ['generations of groups', count(totals.generations)],
    ['commits, refused', `${count(totals.commits)}, ${count(totals.commitsRefused)}`],
    ['records given again', count(totals.reread)],
    ['cleanings', count(totals.cleanings)],
    ['takeovers', count(totals.takeovers)],
    ['store restarts accepted', count(totals.restartsAccepted)],
    [
      'new histories',
      `${count(totals.historiesAfterLoss)} after loss, ${count(totals.historiesAfterRollback)} rollback, ${count(totals.historiesAfterRestart)} restart, ${count(totals.historiesOtherwise)} otherwise`,
    ],
    ['answers NOT_ACTIVE', count(totals.notActive)],
    ['unsynced bytes lost', count(totals.unsyncedBytesLost)],
    ['events', count(totals.events)],
    ['virtual time', `${count(Math.round(totals.virtualMs / 1000))} s in ${seconds.toFixed(1)} s`],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(24)}${value}`);
  if (tally.failures.length > 0) console.log(`failed seeds            ${tally.failures.map(({ seed }) => seed).join(' ')}`);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
