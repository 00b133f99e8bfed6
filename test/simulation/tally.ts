/** Sums over seeds, and which kinds of event never came up. */
import type { SeedResult, SeedTotals } from './run-seed.js';

/** A run over many seeds that saw none of these has not tested what it is for. */
const MUST_HAPPEN = [
  'elections',
  'truncations',
  'isrShrinks',
  'deduplications',
  'unsyncedBytesLost',
  'commitsRefused',
  'reread',
  'cleanings',
  'shared',
  'takeovers',
  'restartsAccepted',
  'historiesAfterLoss',
  'historiesAfterRollback',
  'notActive',
] as const;

export class Tally {
  seeds = 0;
  readonly failures: { seed: number; message: string }[] = [];
  readonly totals: SeedTotals = {
    shared: 0,
    takeovers: 0,
    restartsAccepted: 0,
    historiesAfterLoss: 0,
    historiesAfterRollback: 0,
    historiesAfterRestart: 0,
    historiesOtherwise: 0,
    notActive: 0,
    acknowledged: 0,
    faults: 0,
    elections: 0,
    truncations: 0,
    isrShrinks: 0,
    isrExpansions: 0,
    deduplications: 0,
    unsyncedBytesLost: 0,
    retries: 0,
    generations: 0,
    commits: 0,
    commitsRefused: 0,
    reread: 0,
    cleanings: 0,
    events: 0,
    virtualMs: 0,
  };

  add(result: SeedResult): void {
    this.seeds++;
    if (result.failure) this.failures.push({ seed: result.seed, message: result.failure.message });
    for (const name of Object.keys(this.totals) as (keyof SeedTotals)[]) this.totals[name] += result.totals[name];
  }

  missing(): string[] {
    return MUST_HAPPEN.filter((name) => this.totals[name] === 0);
  }
}
