/**
 * A coordinator's connection to the simulated store, with the manners of the Redis client: a step is written at most once and
 * only while connected, a step that takes too long is given up but not taken back, a store that is away is dialled again and
 * again, and a peer that is silent for long is left. What was written may be executed long after its caller gave up.
 */
import { YakError } from '#kernel';
import type { StoreLink } from '#metadata';
import type { Cancellable, Connection } from '#seams';
import { formatAddress } from '#seams';
import type { SimProcess } from '#seams-sim';
import { STORE_ADDRESS } from './sim-store.js';
import { onLines, type StoreAnswer, type StoreQuestion, writeLine } from './wire.js';

const DIAL_TIMEOUT_MS = 1_000;
const SILENCE_MAX_MS = 5_000;
const RECONNECT_DELAY_MS = 50;
const RECONNECT_DELAY_MAX_MS = 1_000;

interface Pending {
  isOver: boolean;
  readonly resolve: (answer: StoreAnswer) => void;
  readonly reject: (error: YakError) => void;
  readonly timer: Cancellable;
}

export class SimStoreLink implements StoreLink {
  readonly name = `store ${formatAddress(STORE_ADDRESS)}`;
  private connection: Connection | null = null;
  private lastError = 'never connected';
  private isClosed = false;
  private heardAt = 0;
  private attempts = 0;
  private readonly pending: Pending[] = [];

  constructor(
    private readonly process: SimProcess,
    private readonly commandTimeoutMs: number,
  ) {}

  async connect(): Promise<void> {
    await this.dial();
  }

  async run(step: readonly (string | number)[]): Promise<readonly unknown[]> {
    const answer = await this.ask({ step });
    if (!('reply' in answer)) throw new Error('the simulated store answered something else');
    return answer.reply;
  }

  async check(): Promise<{ readonly isDurable: boolean }> {
    const answer = await this.ask({ check: true });
    if (!('isDurable' in answer)) throw new Error('the simulated store answered something else');
    return answer;
  }

  close(): void {
    this.isClosed = true;
    this.connection?.destroy();
    this.lost('it was closed');
  }

  private async dial(): Promise<void> {
    try {
      const connection = await this.process.network.dial(STORE_ADDRESS, { timeoutMs: DIAL_TIMEOUT_MS });
      if (this.isClosed) {
        connection.destroy();
        return;
      }
      this.connection = connection;
      this.attempts = 0;
      this.heardAt = this.now();
      connection.onClose((error) => {
        if (this.connection === connection) this.lost(error?.message ?? 'the connection was closed');
      });
      onLines<StoreAnswer>(connection, (answer) => {
        if (this.connection === connection) this.answered(answer);
      });
    } catch (error) {
      this.lost((error as Error).message);
    }
  }

  private ask(question: StoreQuestion): Promise<StoreAnswer> {
    const { connection } = this;
    if (connection === null) return Promise.reject(this.unavailable(`not connected (${this.lastError})`));
    return new Promise((resolve, reject) => {
      const timer = this.process.scheduler.after(this.commandTimeoutMs, () => this.gaveUp(pending));
      const pending: Pending = { isOver: false, resolve, reject, timer };
      if (this.pending.length === 0) this.heardAt = this.now();
      this.pending.push(pending);
      writeLine(connection, question);
    });
  }

  private answered(answer: StoreAnswer): void {
    this.heardAt = this.now();
    const pending = this.pending.shift()!;
    if (pending.isOver) return;
    pending.isOver = true;
    pending.timer.cancel();
    pending.resolve(answer);
  }

  private gaveUp(pending: Pending): void {
    if (pending.isOver) return;
    pending.isOver = true;
    pending.reject(this.unavailable(`no answer within ${this.commandTimeoutMs} ms`));
    if (this.connection !== null && this.now() - this.heardAt > SILENCE_MAX_MS) {
      this.connection.destroy();
      this.lost('it was silent for too long');
    }
  }

  private lost(reason: string): void {
    this.connection = null;
    this.lastError = reason;
    for (const pending of this.pending.splice(0)) {
      if (pending.isOver) continue;
      pending.isOver = true;
      pending.timer.cancel();
      pending.reject(this.unavailable(reason));
    }
    if (this.isClosed) return;
    const delayMs = Math.min(RECONNECT_DELAY_MAX_MS, RECONNECT_DELAY_MS * ++this.attempts);
    this.process.scheduler.after(delayMs, () => {
      if (!this.isClosed) void this.dial();
    });
  }

  private unavailable(reason: string): YakError {
    return new YakError('METADATA_STORE_UNAVAILABLE', `${this.name}: ${reason}`);
  }

  private now(): number {
    return this.process.clock.monotonicMs();
  }
}
