/**
 * The MetadataLog of cluster coordinators that share a store. Safety is the compare-and-set of the store's atomic steps on (run
 * id, coordinator epoch, op id of the last entry), never a lock and never a clock (R17, R18); what a step tests and writes
 * stands in docs/formats/redis-metadata.md.
 *
 * The store is suspect (R19) when its process is another one than that of this history (a restart may have lost what was
 * answered), when it is emptier or older than this process saw it, or when the chain is broken. One restart is none: that which
 * the sole writer of the store's epoch lived through, and after which it finds exactly what it left (docs/adr/0008). A store
 * that is empty for a process that never saw it full looks like a new one: what the brokers hold tells.
 */
import type { CoordinatorEpoch } from '#kernel';
import { NO_EPOCH, YakError } from '#kernel';
import type { Logger, Random } from '#seams';
import { randomId } from '#seams';
import { encodeChecked } from '../entry-file.js';
import type { AppendResult, BeatResult, Claim, Coordinator, Expected, MetadataLog, Observation } from '../metadata-log.js';
import type { MetadataEntry, MetadataRecord, MetadataSnapshot } from '../records.js';
import { GENESIS_OP_ID } from '../records.js';
import { HeldTurn } from './held-turn.js';
import type { StoreLink } from './store-link.js';
import {
  contradictionOf,
  coordinatorOf,
  coordinatorText,
  linkedEntries,
  lostTakeover,
  readStoredChain,
  readStoredState,
  type StoredChain,
  type StoredState,
  suspicionOf,
  turnOf,
  unsupportedFormat,
  type Witness,
} from './stored-chain.js';

/** So often the acting coordinator asks whether the store still keeps what it answers; 30 s at 300 ms a beat. */
export const BEATS_PER_CHECK = 100;

export interface SharedMetadataLogOptions {
  readonly link: StoreLink;
  readonly random: Random;
  readonly logger: Logger;
}

type Loaded = Awaited<ReturnType<MetadataLog['load']>>;

export class SharedMetadataLog implements MetadataLog {
  readonly isShared = true;
  private readonly link: StoreLink;
  private isClosed = false;
  /** Of the store's process of which this one knows what it holds; null before the first load. */
  private runId: string | null = null;
  private suspicion: string | null = null;
  private witness: Witness | null = null;
  private storeId = '';
  /** What markSuspect was told and the store may not have heard. */
  private unstoredMark: { readonly reason: string; readonly coordinatorEpoch: CoordinatorEpoch } | null = null;
  /** Highest that this process saw anywhere: none below is ever handed out again. */
  private highestEpoch: CoordinatorEpoch = NO_EPOCH;
  /** From the takeover until somebody else is known to have taken over. */
  private held: HeldTurn | null = null;
  private loading: Promise<unknown> = Promise.resolve();

  private constructor(private readonly options: SharedMetadataLogOptions) {
    this.link = options.link;
  }

  /** Dials the store; one that is away is no error here, only in what is asked of it. */
  static async open(options: SharedMetadataLogOptions): Promise<SharedMetadataLog> {
    await options.link.connect();
    return new SharedMetadataLog(options);
  }

  /** For people: the store's address, never with credentials. */
  get name(): string {
    return this.link.name;
  }

  /** Throws a YakError: `METADATA_STORE_UNSAFE` (see the message), `UNSUPPORTED_METADATA`, `METADATA_STORE_UNAVAILABLE`. */
  load(): Promise<Loaded> {
    return this.oneAtATime(() => this.loadNow());
  }

  /**
   * Throws a YakError `NOT_MY_TURN` (see the port), `METADATA_STORE_CHANGED` when this is not the store's process any more that
   * was loaded from: load again.
   */
  async takeOver(atLeast: CoordinatorEpoch, claim?: Claim): Promise<CoordinatorEpoch> {
    this.requireOpen();
    if (this.runId === null) await this.load();
    // Asked between the load and a step that tests its run id, so it is this process of the store that answered.
    const { isDurable } = await this.link.check();
    const turnId = randomId(this.options.random);
    let answer = await this.raiseEpoch(atLeast, turnId, claim);
    if (answer[0] === 'restarted' && this.suspicion !== null) {
      // Nothing of the store is relied on any more; a further restart does not matter.
      await this.load();
      if (this.suspicion !== null) answer = await this.raiseEpoch(atLeast, turnId, claim);
    }
    if (answer[0] !== 'ok') throw this.refused(answer);
    const [, epochText, storeId] = answer as [string, string, string];
    const epoch = Number(epochText);
    this.highestEpoch = Math.max(this.highestEpoch, epoch);
    if (this.suspicion !== null) this.storeId = storeId;
    else if (this.witness === null) this.saw({ storeId, coordinatorEpoch: epoch, revision: -1, opId: GENESIS_OP_ID });
    else if (this.witness.storeId !== storeId) throw this.refused(['empty']);
    else this.witness = { ...this.witness, coordinatorEpoch: Math.max(this.witness.coordinatorEpoch, epoch) };
    // An answer that comes after that of a later takeover is about a turn that is over.
    if (epoch > (this.held?.coordinatorEpoch ?? NO_EPOCH)) this.held = new HeldTurn(epoch, turnId, isDurable);
    return epoch;
  }

  async beat(coordinatorEpoch: CoordinatorEpoch): Promise<BeatResult> {
    if (this.isClosed) return { kind: 'refused', reason: 'the store is closed' };
    const held = this.heldUnder(coordinatorEpoch);
    try {
      const number = held?.beatSent() ?? 0;
      const answer = await this.step('beat', coordinatorEpoch);
      if (answer[0] !== 'ok') return { kind: 'refused', reason: this.refused(answer).message };
      const [, beat, ...standbys] = answer as string[];
      held?.beatAnswered(number, Number(beat));
      if (held !== null && Number(beat) % BEATS_PER_CHECK === 0) await this.checkAgain(held);
      const others = standbys.map((text) => coordinatorOf(text)).filter((standby) => standby !== null);
      return { kind: 'beaten', standbys: others.sort((a, b) => a.id - b.id || (a.host < b.host ? -1 : 1) || a.port - b.port) };
    } catch (error) {
      return { kind: kindOf(error), reason: (error as Error).message };
    }
  }

  async release(coordinatorEpoch: CoordinatorEpoch): Promise<void> {
    if (this.held?.coordinatorEpoch === coordinatorEpoch) this.held = null;
    if (this.isClosed) return;
    await this.link.run(['release', coordinatorEpoch]).catch((error: Error) => {
      this.options.logger.info('the turn could not be given up; a standby waits for a session', { reason: error.message });
    });
  }

  async observe(after: Expected, standby: Coordinator): Promise<Observation> {
    this.requireOpen();
    const witness = this.witness;
    const answer = await this.link.run(['observe', after.revision, after.opId, coordinatorText(standby)]);
    if (answer[0] !== 'ok') throw this.refused(answer);
    const [, runId, flat, kind, lines] = answer as [string, string, string[], string, string[]];
    const state = readStoredState(flat, this.link.name);
    this.highestEpoch = Math.max(this.highestEpoch, state.coordinatorEpoch);
    const turn = turnOf(state);
    if (kind !== 'entries') return { turn, entries: null };
    const { entries, damage } = linkedEntries(lines, after);
    const end = entries.at(-1) ?? after;
    const isWhole = damage === null && end.revision === state.revision && end.opId === state.opId;
    // Loading tells what is wrong, and stores it.
    if (!isWhole || (witness !== null && contradictionOf(state, null, entries, witness) !== null)) return { turn, entries: null };
    // As good as a load: what this process knew is all there, in the process of the store that the acting coordinator trusts.
    if (this.runId !== null && this.suspicion === null && state.suspect === null && state.exists && state.runId === runId) {
      this.runId = runId;
      if (this.witness === witness) this.saw(state);
    }
    return { turn, entries };
  }

  async markSuspect(reason: string): Promise<void> {
    this.requireOpen();
    if (this.runId === null) await this.load();
    if (this.suspicion !== null) return;
    // Holds for this process from now on, whatever becomes of the step.
    this.suspicion = reason.replace(/\s+/g, ' ');
    this.unstoredMark = { reason: this.suspicion, coordinatorEpoch: this.highestEpoch };
    await this.mark(this.suspicion);
  }

  async append(
    expected: Expected,
    coordinatorEpoch: CoordinatorEpoch,
    opId: string,
    records: readonly MetadataRecord[],
  ): Promise<AppendResult> {
    if (this.isClosed) return { kind: 'refused', reason: 'the store is closed' };
    if (this.suspicion !== null) return { kind: 'refused', reason: `the store is suspect: ${this.suspicion}` };
    const entry: MetadataEntry = { revision: expected.revision + 1, coordinatorEpoch, opId, previousOpId: expected.opId, records };
    let answer: readonly unknown[];
    try {
      this.heldUnder(coordinatorEpoch)?.appendSent(entry.revision);
      answer = await this.step('append', coordinatorEpoch, expected.opId, expected.revision, opId, lineOf(entry));
    } catch (error) {
      return { kind: kindOf(error), reason: (error as Error).message };
    }
    if (answer[0] !== 'ok') return { kind: 'refused', reason: this.refused(answer).message };
    this.saw({ storeId: this.storeId, coordinatorEpoch, revision: entry.revision, opId });
    return { kind: 'appended', entry };
  }

  /**
   * Throws a YakError: `STALE_COORDINATOR_EPOCH`; `SNAPSHOT_REFUSED` for one that is neither of this chain nor beyond it;
   * `METADATA_STORE_UNAVAILABLE` when the outcome is unknown (writing the same one again is harmless).
   */
  async writeSnapshot(snapshot: MetadataSnapshot, coordinatorEpoch: CoordinatorEpoch): Promise<void> {
    this.requireOpen();
    // Only who knows of the suspicion may end it: a late trimming of before must not.
    const kind = this.suspicion === null ? 'chain' : 'new-history';
    const answer = await this.step('snapshot', coordinatorEpoch, kind, snapshot.revision, snapshot.opId, lineOf(snapshot));
    if (answer[0] !== 'ok') throw this.refused(answer);
    if (kind === 'new-history') {
      this.suspicion = null;
      this.unstoredMark = null;
    }
    if (kind === 'new-history' || snapshot.revision > (this.witness?.revision ?? -1))
      this.saw({ storeId: this.storeId, coordinatorEpoch, revision: snapshot.revision, opId: snapshot.opId });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.link.close();
  }

  private async loadNow(): Promise<Loaded> {
    this.requireOpen();
    await this.link.check();
    // What is seen while the answer is under way must not be held against it.
    const witness = this.witness;
    const [, runId, flat, snapshotLine, lines] = (await this.link.run(['load'])) as [string, string, string[], string, string[]];
    const chain = readStoredChain(flat, snapshotLine, lines, this.link.name);
    this.highestEpoch = Math.max(this.highestEpoch, chain.coordinatorEpoch);
    const judged = suspicionOf(chain, runId, witness);
    const isOthersTurn = chain.actor !== null && this.heldUnder(chain.coordinatorEpoch) === null;
    let suspicion = judged?.reason ?? this.unstoredReason(chain.coordinatorEpoch);
    if (judged?.isRestartOnly) {
      if (await this.accepts(chain, runId, witness)) suspicion = null;
    } else if (suspicion !== null && suspicion !== chain.suspect && (!isOthersTurn || lostTakeover(chain, witness))) {
      await this.mark(suspicion);
    }
    this.runId = runId;
    this.suspicion = suspicion;
    if (suspicion === null && chain.exists && this.witness === witness) this.saw(chain);
    return { snapshot: chain.snapshot, entries: chain.entries, suspicion };
  }

  /** docs/adr/0008: whether nothing can have been lost in the restart, and if so makes it part of this history. */
  private async accepts(chain: StoredChain, runId: string, witness: Witness | null): Promise<boolean> {
    if (this.suspicion !== null || this.unstoredMark !== null || witness === null) return false;
    // The restart has to have come after the takeover: what was lost before it, this process did not see.
    if (chain.runId !== this.runId) return false;
    if (this.held === null || !this.held.left(chain, witness)) return false;
    // Asked between the load and a step that tests its run id, as at the takeover.
    if (!(await this.link.check()).isDurable) return false;
    const { coordinatorEpoch, revision, opId, beat, turnId } = chain;
    const answer = await this.link.run(['accept', coordinatorEpoch, runId, chain.runId, turnId, revision, opId, beat]);
    if (answer[0] !== 'ok') return false;
    this.options.logger.warn('the metadata store was restarted and holds all that it answered', {
      address: this.link.name,
      revision,
      coordinatorEpoch,
    });
    return true;
  }

  /** A step of the epoch's holder. What the store refuses only since it was restarted is sent again once the restart is accepted. */
  private async step(verb: 'append' | 'snapshot' | 'beat', coordinatorEpoch: CoordinatorEpoch, ...rest: (string | number)[]) {
    const runId = this.runId ?? '';
    const answer = await this.link.run([verb, coordinatorEpoch, runId, ...rest]);
    if (answer[0] === 'epoch' || answer[0] === 'empty') this.held = null;
    if (answer[0] !== 'restarted' || this.suspicion !== null || this.heldUnder(coordinatorEpoch) === null) return answer;
    await this.oneAtATime(async () => {
      if (this.runId === runId) await this.loadNow();
    });
    const following = this.runId ?? '';
    return this.suspicion === null && following !== runId ? this.link.run([verb, coordinatorEpoch, following, ...rest]) : answer;
  }

  private raiseEpoch(atLeast: CoordinatorEpoch, turnId: string, claim: Claim | undefined): Promise<readonly unknown[]> {
    const still = claim?.still;
    const what = still ? ['still', still.coordinatorEpoch, still.beat ?? ''] : [still === null ? 'absent' : 'any'];
    const actor = claim ? coordinatorText(claim.actor) : '';
    return this.link.run(['take-over', Math.max(atLeast, this.highestEpoch), this.runId ?? '', turnId, actor, ...what]);
  }

  private async mark(reason: string): Promise<void> {
    const answer = await this.link.run(['mark', this.highestEpoch, reason, randomId(this.options.random)]);
    this.unstoredMark = null;
    if (answer[0] !== 'ok') throw this.refused(answer);
  }

  /** Whoever took over since then decides alone. */
  private unstoredReason(coordinatorEpoch: CoordinatorEpoch): string | null {
    const mark = this.unstoredMark;
    return mark !== null && coordinatorEpoch <= mark.coordinatorEpoch ? mark.reason : null;
  }

  private async checkAgain(held: HeldTurn): Promise<void> {
    const { isDurable } = await this.link.check().catch((error) => ({ isDurable: isUnavailable(error) }));
    if (!isDurable) held.wasNotDurable();
  }

  private heldUnder(coordinatorEpoch: CoordinatorEpoch): HeldTurn | null {
    return this.held?.coordinatorEpoch === coordinatorEpoch ? this.held : null;
  }

  private saw({ storeId, coordinatorEpoch, revision, opId }: Witness | StoredState): void {
    this.storeId = storeId;
    this.witness = { storeId, coordinatorEpoch, revision, opId };
  }

  /** Loads judge the store and remember what they saw: one after the other, each with its own look at it. */
  private oneAtATime<T>(load: () => Promise<T>): Promise<T> {
    const result = this.loading.then(load);
    this.loading = result.catch(() => {});
    return result;
  }

  private refused(answer: readonly unknown[]): YakError {
    const { name } = this.link;
    switch (answer[0]) {
      case 'epoch':
        return new YakError('STALE_COORDINATOR_EPOCH', `the coordinator epoch was replaced by ${answer[1]} in ${name}`);
      case 'not-your-turn':
        return new YakError(
          'NOT_MY_TURN',
          `another cluster coordinator took over or still acts in ${name}: coordinator epoch ${answer[1]}, beat ${answer[2]}`,
        );
      case 'released':
        return new YakError('STALE_COORDINATOR_EPOCH', `the turn was given up in ${name}`);
      case 'restarted':
        return new YakError('METADATA_STORE_CHANGED', `${name} was restarted or replaced since it was loaded`);
      case 'suspect':
        return new YakError('METADATA_STORE_SUSPECT', `the store is suspect: ${answer[1]}`);
      case 'empty':
        return new YakError('METADATA_STORE_CHANGED', `${name} holds no metadata any more`);
      case 'format':
        return unsupportedFormat(String(answer[1]), name);
      default:
        return new YakError('SNAPSHOT_REFUSED', `the chain is at revision ${answer[1]} with op id "${answer[2] ?? GENESIS_OP_ID}"`);
    }
  }

  private requireOpen(): void {
    if (this.isClosed) throw new YakError('STORE_CLOSED', `the metadata store ${this.link.name} is closed`);
  }
}

/** Other YakErrors come from the look at a store that answered `restarted`: nothing was executed. */
function kindOf(error: unknown): 'unknown' | 'refused' {
  return error instanceof YakError && !isUnavailable(error) ? 'refused' : 'unknown';
}

function isUnavailable(error: unknown): boolean {
  return error instanceof YakError && error.code === 'METADATA_STORE_UNAVAILABLE';
}

function lineOf(value: MetadataEntry | MetadataSnapshot): string {
  return encodeChecked(value).toString().slice(0, -1);
}
