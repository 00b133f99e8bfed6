/**
 * What became of every record that one flow of the load sent: acknowledged, failed or still under way, and the pauses between
 * acknowledgements. A flow sends one record after the other into one partition, so ids are dense and in order. Times are
 * milliseconds of the process's monotonic clock.
 */
export interface FailedSend {
  readonly flow: string;
  readonly id: number;
  /** Wall clock, ISO 8601, to be found again in the logs of the brokers. */
  readonly at: string;
  readonly afterMs: number;
  readonly error: string;
}

export interface FlowWindow {
  readonly flow: string;
  readonly acknowledged: number;
  readonly failed: number;
  /** Longest time without an acknowledgement, the one that is still running included. */
  readonly worstPauseMs: number;
  readonly lastAckAgeMs: number;
}

const NOT_ACKNOWLEDGED = -2;

export class Ledger {
  /** Offset by id where the record was acknowledged; -1 when the broker only said that it has it. */
  private readonly offsets: number[] = [];
  private readonly failures: FailedSend[] = [];
  private windowFailures = 0;
  private windowAcks = 0;
  private windowPauseMs = 0;
  private pauseBeganMs: number;

  constructor(
    readonly flow: string,
    private readonly now: () => number,
  ) {
    this.pauseBeganMs = now();
  }

  get sent(): number {
    return this.offsets.length;
  }

  begin(): number {
    this.offsets.push(NOT_ACKNOWLEDGED);
    return this.offsets.length - 1;
  }

  acknowledge(id: number, offset: number): void {
    this.offsets[id] = offset;
    const now = this.now();
    this.windowPauseMs = Math.max(this.windowPauseMs, now - this.pauseBeganMs);
    this.pauseBeganMs = now;
    this.windowAcks++;
  }

  fail(id: number, afterMs: number, error: string): void {
    this.failures.push({ flow: this.flow, id, at: new Date().toISOString(), afterMs: Math.round(afterMs), error });
    this.windowFailures++;
  }

  /** Counts and pauses begin anew; the accounting of records goes on. */
  beginWindow(): void {
    this.windowAcks = 0;
    this.windowFailures = 0;
    this.windowPauseMs = 0;
    this.pauseBeganMs = this.now();
  }

  window(): FlowWindow {
    const lastAckAgeMs = this.now() - this.pauseBeganMs;
    return {
      flow: this.flow,
      acknowledged: this.windowAcks,
      failed: this.windowFailures,
      worstPauseMs: Math.round(Math.max(this.windowPauseMs, lastAckAgeMs)),
      lastAckAgeMs: Math.round(lastAckAgeMs),
    };
  }

  recentFailures(): readonly FailedSend[] {
    return this.failures.slice(-20);
  }

  /** Offsets by id, of the records that count by now: what is acknowledged later is not asked for in the read-back that follows. */
  acknowledged(): ReadonlyMap<number, number> {
    const result = new Map<number, number>();
    this.offsets.forEach((offset, id) => {
      if (offset !== NOT_ACKNOWLEDGED) result.set(id, offset);
    });
    return result;
  }
}
