/**
 * Watches the brokers of one reign (R22): a poll that judges expired sessions after a full poll phase of the event loop, and
 * the fast path for a process that is provably gone. It submits fencings; what a fencing means is decided in #metadata.
 */
import { YakError } from '#kernel';
import type { Endpoint } from '#metadata';
import { fenceBroker } from '#metadata';
import type { Cancellable } from '#seams';
import { sleep } from '#seams';
import type { BrokerSession, BrokerSessions } from './broker-sessions.js';
import type { CoordinatorSeams } from './config.js';
import type { FailureDetector } from './failure-detector.js';
import { PAUSE_MS } from './failure-detector.js';
import type { MetadataChain } from './metadata-chain.js';

export const WATCH_INTERVAL_MS = 100;
/** Refusals in a row that make a closed connection a death … */
export const REFUSALS_NEEDED = 2;
/** … within this many dials: a dying process may lose its connection a moment before its listening socket. */
export const REDIALS_MAX = 6;
/** Before the second dial; doubles from dial to dial. */
export const REDIAL_PAUSE_MS = 20;
export const REDIAL_TIMEOUT_MS = 250;

export class BrokerWatch {
  /** Lateness of the last poll, ms. */
  loopDelayMs = 0;
  private timer: Cancellable | null = null;
  private isStopped = false;
  /** Fencings that are not committed yet, so that a slow store is not asked again at every poll. */
  private readonly fencing = new Set<number>();

  constructor(
    private readonly seams: CoordinatorSeams,
    private readonly chain: MetadataChain,
    private readonly detector: FailureDetector,
    private readonly sessions: BrokerSessions,
    /** While it is not sure, nobody is heard and nobody is judged. */
    private readonly turn: { readonly isSure: boolean },
    /** Once a poll, after the judgement. */
    private readonly onPoll: () => void,
  ) {}

  start(): void {
    this.detector.beginGrace(this.now());
    this.schedule();
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  /** The connection was closed or reset: fence at once if nobody listens there any more either. */
  async connectionClosed(session: BrokerSession): Promise<void> {
    const broker = this.chain.image.brokers.get(session.brokerId);
    if (!broker || broker.isFenced || broker.brokerEpoch !== session.brokerEpoch) return;
    if (!(await this.isGone(broker.listeners.tcp))) return;
    const isBack = this.sessions.get(session.brokerId) !== session || session.clientAddress !== null;
    if (this.isStopped || isBack || !this.turn.isSure) return;
    const current = this.chain.image.brokers.get(session.brokerId)!;
    // One that was let go is expected to be gone; it costs nobody's limit.
    if (!current.isShuttingDown && !this.detector.tryFastFence(this.chain.image.brokers.size, this.now())) return;
    this.fence(session.brokerId, session.brokerEpoch, 'its process is gone');
  }

  private schedule(): void {
    const due = this.now() + WATCH_INTERVAL_MS;
    this.timer = this.seams.scheduler.after(WATCH_INTERVAL_MS, () => {
      this.loopDelayMs = Math.max(0, this.now() - due);
      if (this.loopDelayMs > PAUSE_MS) {
        this.seams.logger.warn('the cluster coordinator was paused; every broker gets a new session', { delayMs: this.loopDelayMs });
        this.detector.beginGrace(this.now());
      }
      // What arrived while this timer waited its turn is heard before anybody is judged.
      this.seams.scheduler.endOfTurn(() => {
        if (this.isStopped) return;
        if (this.turn.isSure) {
          this.judge();
          this.onPoll();
        } else {
          this.detector.beginGrace(this.now());
        }
        this.schedule();
      });
    });
  }

  private judge(): void {
    const watched = [...this.chain.image.brokers.values()].filter((broker) => !broker.isFenced).map((broker) => broker.brokerId);
    const expired = new Set(this.detector.expired(watched, this.now()));
    for (const brokerId of expired) {
      // Those that go together give up no seat for each other (R13).
      const isHeard = (other: number): boolean => !expired.has(other);
      this.fence(brokerId, this.chain.image.brokers.get(brokerId)!.brokerEpoch, 'its session is over', isHeard);
    }
  }

  private fence(brokerId: number, brokerEpoch: number, reason: string, isHeard: (brokerId: number) => boolean = () => true): void {
    if (this.fencing.has(brokerId)) return;
    this.fencing.add(brokerId);
    this.seams.logger.warn('broker fenced', { brokerId, brokerEpoch, reason });
    const done = (): void => void this.fencing.delete(brokerId);
    this.chain.submit((state) => fenceBroker(state, { brokerId, brokerEpoch }, { isHeard })).then(done, done);
  }

  private async isGone(endpoint: Endpoint): Promise<boolean> {
    let refusals = 0;
    for (let dial = 0; dial < REDIALS_MAX && !this.isStopped; dial++) {
      if (dial > 0) await sleep(this.seams.scheduler, refusals > 0 ? REDIAL_PAUSE_MS : REDIAL_PAUSE_MS * 2 ** (dial - 1));
      refusals = (await this.isRefused(endpoint)) ? refusals + 1 : 0;
      if (refusals === REFUSALS_NEEDED) return true;
    }
    return false;
  }

  private async isRefused(endpoint: Endpoint): Promise<boolean> {
    try {
      const connection = await this.seams.network.dial(endpoint, { timeoutMs: REDIAL_TIMEOUT_MS });
      connection.destroy();
      return false;
    } catch (error) {
      return error instanceof YakError && error.code === 'CONNECTION_REFUSED';
    }
  }

  private now(): number {
    return this.seams.clock.monotonicMs();
  }
}
