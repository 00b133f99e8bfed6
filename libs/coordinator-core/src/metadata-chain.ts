/**
 * The one queue and the one loop through which the metadata changes: decide, append, apply, and only then answer and
 * publish (R17). Commands that are queued meanwhile are decided one after the other and share the next entry.
 *
 * An append of unknown outcome is settled by a no-op with the same expectation before anybody is answered (R20): if that
 * one is stored, the first never will be, and its commands are decided anew. A refusal means that somebody else writes:
 * the chain stops for good and says so.
 */
import type { CoordinatorEpoch } from '#kernel';
import { assert, YakError } from '#kernel';
import type { AppendResult, Decision, DecisionState, MetadataEntry, MetadataLog, MetadataRecord } from '#metadata';
import { MetadataImage } from '#metadata';
import type { Logger, Random, Scheduler } from '#seams';
import { randomId, sleep } from '#seams';

/** Commands that share one entry at most. */
export const MAX_COMMANDS_PER_ENTRY = 256;
/** Committed entries that are kept in memory for brokers that lag; further behind they get a snapshot. */
export const ENTRIES_REMEMBERED = 1_000;
const SETTLE_RETRY_MS = 200;

export interface MetadataChainOptions {
  readonly log: Pick<MetadataLog, 'load' | 'append' | 'writeSnapshot'>;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly snapshotEveryEntries: number;
  /** After the entry was applied, before the commands are answered. Must not throw. */
  readonly onCommitted: (entry: MetadataEntry, before: MetadataImage, after: MetadataImage) => void;
  /** The store answered again after its outcome was unknown for a while. */
  readonly onRegained: () => void;
  /** Nothing is committed any more: somebody else writes, the store failed, or a request proved this metadata old. */
  readonly onStopped: (reason: string) => void;
}

interface Command {
  readonly decide: (state: DecisionState) => Decision<unknown>;
  /** Gets an entry of its own, so that the entry's revision is its alone. */
  readonly isAlone: boolean;
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class MetadataChain {
  private queue: Command[] = [];
  private isRunning = false;
  private stopReason: string | null = null;
  private recent: MetadataEntry[] = [];
  private entriesSinceSnapshot = 0;

  constructor(
    private readonly options: MetadataChainOptions,
    private current: MetadataImage,
    readonly coordinatorEpoch: CoordinatorEpoch,
    recent: readonly MetadataEntry[],
  ) {
    this.recent = recent.slice(-ENTRIES_REMEMBERED);
    this.entriesSinceSnapshot = recent.length;
  }

  get image(): MetadataImage {
    return this.current;
  }

  get isStopped(): boolean {
    return this.stopReason !== null;
  }

  /**
   * Queues a command; resolves with its response once what it decided, and everything that it saw, is committed. Rejects
   * with a YakError `NOT_ACTIVE` when the chain stops before, with what `decide` threw otherwise.
   */
  submit<R>(decide: (state: DecisionState) => Decision<R>, options: { isAlone?: boolean } = {}): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      if (this.stopReason !== null) {
        reject(this.notActive());
        return;
      }
      this.queue.push({ decide, isAlone: options.isAlone ?? false, resolve: resolve as (response: unknown) => void, reject });
      void this.run();
    });
  }

  /** Entries after that position; null when it is not in this history or too long ago. Empty: nothing newer. */
  entriesAfter(revision: number, opId: string): readonly MetadataEntry[] | null {
    if (revision === this.current.revision && opId === this.current.opId) return [];
    // Who holds nothing, or gave up what it holds, starts from a snapshot.
    if (revision < 0) return null;
    const index = this.recent.findIndex((entry) => entry.revision === revision + 1);
    return index !== -1 && this.recent[index]!.previousOpId === opId ? this.recent.slice(index) : null;
  }

  /** The op id at a revision; null when this process does not know it (any more). */
  opIdAt(revision: number): string | null {
    if (revision === this.current.revision) return this.current.opId;
    const entry = this.recent.find((candidate) => candidate.revision === revision);
    return entry?.opId ?? this.recent.find((candidate) => candidate.revision === revision + 1)?.previousOpId ?? null;
  }

  /** Commits nothing from now on; whoever waits gets NOT_ACTIVE. An append under way may still be stored. */
  stop(reason: string): void {
    if (this.stopReason !== null) return;
    this.stopReason = reason;
    for (const command of this.queue.splice(0)) command.reject(this.notActive());
    this.options.onStopped(reason);
  }

  private async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      while (this.queue.length > 0 && this.stopReason === null) await this.commitNext();
    } catch (error) {
      this.options.logger.error('the metadata chain failed', { error: String((error as Error).stack ?? error) });
      this.stop(`it failed: ${(error as Error).message}`);
    } finally {
      this.isRunning = false;
    }
  }

  private async commitNext(): Promise<void> {
    const batch: { command: Command; response: unknown }[] = [];
    const records: MetadataRecord[] = [];
    let image = this.current;
    let stepDown: string | null = null;
    while (this.queue.length > 0 && batch.length < MAX_COMMANDS_PER_ENTRY && stepDown === null) {
      if (this.queue[0]!.isAlone && records.length > 0) break;
      const command = this.queue.shift()!;
      let decision: Decision<unknown>;
      try {
        decision = command.decide({ image, revision: this.current.revision + 1 });
        image = image.withRecords(decision.records);
      } catch (error) {
        command.reject(error as Error);
        continue;
      }
      records.push(...decision.records);
      stepDown = decision.stepDown ?? null;
      batch.push({ command, response: decision.response });
      if (command.isAlone && decision.records.length > 0) break;
    }

    if (records.length > 0) {
      const outcome = await this.append(records);
      if (outcome === 'retry') {
        this.queue.unshift(...batch.map(({ command }) => command));
        return;
      }
      if (outcome === 'stopped') {
        for (const { command } of batch) command.reject(this.notActive());
        return;
      }
    }
    for (const { command, response } of batch) command.resolve(response);
    if (stepDown !== null) {
      this.stop(stepDown);
      return;
    }
    await this.snapshotIfDue();
  }

  private async append(records: readonly MetadataRecord[]): Promise<'committed' | 'retry' | 'stopped'> {
    const opId = randomId(this.options.random);
    const result = await this.appendOnce(opId, records);
    if (this.stopReason !== null) return 'stopped';
    if (result.kind === 'appended') {
      this.apply(result.entry);
      return 'committed';
    }
    if (result.kind === 'refused') {
      this.stop(`the store refused: ${result.reason}`);
      return 'stopped';
    }
    return this.settle(opId, result.reason);
  }

  /** R20: until this returns, nobody knows whether the entry `opId` is part of the chain. */
  private async settle(opId: string, reason: string): Promise<'committed' | 'retry' | 'stopped'> {
    this.options.logger.warn('outcome of a metadata append is unknown', { revision: this.current.revision + 1, reason });
    const noOpIds = new Set<string>();
    for (;;) {
      const noOpId = randomId(this.options.random);
      noOpIds.add(noOpId);
      const result = await this.appendOnce(noOpId, [{ type: 'no-op', version: 1 }]);
      if (this.stopReason !== null) return 'stopped';
      if (result.kind === 'appended') {
        this.apply(result.entry);
        this.options.onRegained();
        return 'retry';
      }
      if (result.kind === 'refused') {
        const stored = await this.storedNext();
        if (stored !== null && (stored.opId === opId || noOpIds.has(stored.opId))) {
          this.apply(stored);
          this.options.onRegained();
          return stored.opId === opId ? 'committed' : 'retry';
        }
        this.stop(`the store refused: ${result.reason}`);
        return 'stopped';
      }
      await sleep(this.options.scheduler, SETTLE_RETRY_MS);
      if (this.stopReason !== null) return 'stopped';
    }
  }

  /** What the store holds right after our last entry; null when it cannot be told. */
  private async storedNext(): Promise<MetadataEntry | null> {
    try {
      const { entries } = await this.options.log.load();
      return entries.find((entry) => entry.previousOpId === this.current.opId && entry.coordinatorEpoch === this.coordinatorEpoch) ?? null;
    } catch {
      return null;
    }
  }

  private async appendOnce(opId: string, records: readonly MetadataRecord[]): Promise<AppendResult> {
    const expected = { opId: this.current.opId, revision: this.current.revision };
    try {
      return await this.options.log.append(expected, this.coordinatorEpoch, opId, records);
    } catch (error) {
      return { kind: 'unknown', reason: (error as Error).message };
    }
  }

  private apply(entry: MetadataEntry): void {
    assert(entry.revision === this.current.revision + 1, 'the store answered with another revision');
    const before = this.current;
    this.current = before.apply(entry);
    this.recent.push(entry);
    if (this.recent.length > 2 * ENTRIES_REMEMBERED) this.recent = this.recent.slice(-ENTRIES_REMEMBERED);
    this.entriesSinceSnapshot++;
    this.options.onCommitted(entry, before, this.current);
  }

  private async snapshotIfDue(): Promise<void> {
    if (this.entriesSinceSnapshot < this.options.snapshotEveryEntries) return;
    try {
      await this.options.log.writeSnapshot(this.current.toSnapshot(), this.coordinatorEpoch);
      this.entriesSinceSnapshot = 0;
    } catch (error) {
      // Not knowing is no harm: the same or a later one is written after the next entry.
      if (error instanceof YakError && error.code === 'METADATA_STORE_UNAVAILABLE') return;
      this.stop(`a snapshot could not be written: ${(error as Error).message}`);
    }
  }

  private notActive(): YakError {
    return new YakError('NOT_ACTIVE', `this cluster coordinator does not act: ${this.stopReason}`);
  }
}
