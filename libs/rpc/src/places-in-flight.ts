/**
 * How many requests of one connection have no answer yet, counted at both ends. Joins and syncs of groups wait for other
 * members, maybe for minutes, and what those wait for may come over the same connection (heartbeats, joins of other members):
 * so they take no place in flight, up to maxParked of them.
 */
import type { RpcLimits } from './limits.js';
import { PATTERNS } from './patterns.js';

const PARKED: ReadonlySet<string | number> = new Set([PATTERNS.joinGroup.code, PATTERNS.syncGroup.code]);

export class PlacesInFlight {
  private parked = 0;
  private others = 0;

  constructor(private readonly limits: Pick<RpcLimits, 'maxInFlight' | 'maxParked'>) {}

  /** One more may be begun. */
  get hasRoom(): boolean {
    return this.others + Math.max(0, this.parked - this.limits.maxParked) < this.limits.maxInFlight;
  }

  take(patternCode: string | number): void {
    if (PARKED.has(patternCode)) this.parked++;
    else this.others++;
  }

  giveBack(patternCode: string | number): void {
    if (PARKED.has(patternCode)) this.parked--;
    else this.others--;
  }
}
