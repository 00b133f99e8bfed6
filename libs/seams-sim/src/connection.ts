/**
 * One end of a simulated connection. What this end wrote lies in its `outgoing` queue until the wire delivers it to the peer;
 * bytes are copied at delivery, so a sender that changes a buffer after write() is caught by whoever checks the bytes (R27),
 * and a receiver that changes its chunk does not reach back into the sender.
 */
import { YakError } from '#kernel';
import { type Address, type Connection, formatAddress } from '#seams';
import type { SimNetwork } from './network.js';
import type { SimProcess } from './process.js';

/** What the two kernels take before a sender sees back-pressure. */
const KERNEL_BUFFER_BYTES = 128 * 1024;
/** Above this many bytes beyond the kernels' buffers write() answers false. */
const HIGH_WATER_BYTES = 16 * 1024;

type Parcel =
  | { readonly kind: 'data'; bytes: Uint8Array; readonly readyUs: number }
  | { readonly kind: 'fin' | 'rst'; readonly readyUs: number };

export class SimConnection implements Connection {
  readonly remoteAddress: string;
  private peer!: SimConnection;
  private outgoing: Parcel[] = [];
  private outgoingBytes = 0;
  private isPumpScheduled = false;
  private isStalled = false;
  private wantsDrain = false;
  private isPaused = false;
  /** False until the listener took it: a process learns nothing of a connection that it did not accept yet, not even its end. */
  private isAccepted: boolean;
  private state: 'open' | 'closing' | 'closed' = 'open';
  private closeError: Error | null = null;
  private dataListener: ((chunk: Buffer) => void) | null = null;
  private drainListener: (() => void) | null = null;
  private readonly closeListeners: ((error: Error | null) => void)[] = [];

  static pair(
    network: SimNetwork,
    dialer: SimProcess,
    local: Address,
    accepter: SimProcess,
    remote: Address,
  ): [SimConnection, SimConnection] {
    const near = new SimConnection(network, dialer, true, remote);
    const far = new SimConnection(network, accepter, false, local);
    near.peer = far;
    far.peer = near;
    return [near, far];
  }

  private constructor(
    private readonly network: SimNetwork,
    readonly process: SimProcess,
    readonly isDialer: boolean,
    remote: Address,
  ) {
    this.remoteAddress = formatAddress(remote);
    this.isAccepted = isDialer;
  }

  /** @internal */
  accepted(): void {
    this.isAccepted = true;
    this.peer.schedulePump();
  }

  get localHost(): string {
    return this.process.host;
  }

  get remoteHost(): string {
    return this.peer.process.host;
  }

  get bufferedBytes(): number {
    return Math.max(0, this.outgoingBytes - KERNEL_BUFFER_BYTES);
  }

  get isClosed(): boolean {
    return this.state !== 'open';
  }

  write(chunks: Uint8Array | readonly Uint8Array[]): boolean {
    if (this.state !== 'open' || !this.process.isAlive) return true;
    const list = chunks instanceof Uint8Array ? [chunks] : chunks;
    const readyUs = this.arrivalUs();
    for (const bytes of list) {
      if (bytes.byteLength === 0) continue;
      this.outgoing.push({ kind: 'data', bytes, readyUs });
      this.outgoingBytes += bytes.byteLength;
    }
    this.schedulePump();
    this.wantsDrain = this.bufferedBytes > HIGH_WATER_BYTES;
    return !this.wantsDrain;
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.dataListener = listener;
    this.peer.schedulePump();
  }

  onDrain(listener: () => void): void {
    this.drainListener = listener;
  }

  onClose(listener: (error: Error | null) => void): void {
    if (this.state === 'closed') listener(this.closeError);
    else this.closeListeners.push(listener);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.peer.schedulePump();
  }

  end(): void {
    if (this.state !== 'open') return;
    this.sendLast('fin');
    this.close(null);
  }

  destroy(): void {
    if (this.state !== 'open') return;
    this.loseTail();
    this.sendLast('fin');
    this.close(null);
  }

  // ---- what the network does to it ----

  /** Both ends see a reset; a random prefix of each direction still arrives. */
  cut(): void {
    for (const end of [this, this.peer] as SimConnection[]) {
      end.loseTail();
      end.sendLast('rst');
    }
  }

  /** Its process died: nothing of it runs any more. Answers whether the peer still believes in it. */
  abandon(): boolean {
    const wasOpen = this.state === 'open';
    this.state = 'closed';
    this.forgetWhenBothClosed();
    return wasOpen;
  }

  /** The kernel of a dead process tells the peer; what was already sent may or may not have left. */
  reset(): void {
    this.loseTail();
    this.sendLast('rst');
  }

  wakeOutgoing(): void {
    if (!this.isStalled) return;
    this.isStalled = false;
    this.schedulePump();
  }

  private sendLast(kind: 'fin' | 'rst'): void {
    this.outgoing.push({ kind, readyUs: this.arrivalUs() });
    this.schedulePump();
  }

  private loseTail(): void {
    const keep = this.network.random.integer(this.outgoing.length + 1);
    this.outgoing.length = keep;
    const last = this.outgoing[keep - 1];
    if (last?.kind === 'data' && this.network.random.chance(0.5)) {
      last.bytes = last.bytes.subarray(0, this.network.random.integer(last.bytes.byteLength + 1));
    }
    this.outgoingBytes = this.outgoing.reduce((sum, parcel) => sum + (parcel.kind === 'data' ? parcel.bytes.byteLength : 0), 0);
  }

  private arrivalUs(): number {
    const last = this.outgoing.at(-1);
    const nowUs = this.network.world.nowUs;
    if (last && this.network.random.chance(this.network.joinProbability)) return Math.max(last.readyUs, nowUs);
    return Math.max(last?.readyUs ?? 0, nowUs + this.network.latencyUs(this.localHost, this.remoteHost));
  }

  // ---- the wire ----

  private schedulePump(): void {
    const first = this.outgoing[0];
    if (first === undefined || this.isPumpScheduled || this.isStalled || !this.peer.isAccepted) return;
    this.isPumpScheduled = true;
    const world = this.network.world;
    const timeUs = Math.max(first.readyUs, world.nowUs);
    // The event belongs to the receiver: held while it is frozen, gone when it died.
    world.push(timeUs, this.peer.process, 'net', () => this.pump());
  }

  private pump(): void {
    this.isPumpScheduled = false;
    const receiver = this.peer;
    if (receiver.state === 'closed' || receiver.state === 'closing') {
      this.discard();
      return;
    }
    if (this.network.isBlocked(this.localHost, this.remoteHost)) {
      this.isStalled = true;
      return;
    }
    const data = receiver.isPaused || receiver.dataListener === null ? [] : this.takeReadyData();
    if (data.length > 0) {
      const chunk = Buffer.concat(data);
      this.outgoingBytes -= chunk.length;
      this.network.world.trace.foldNumber(chunk.length);
      this.schedulePump();
      this.wakeSender();
      receiver.dataListener!(chunk);
      return;
    }
    const first = this.outgoing[0];
    if (first === undefined || first.kind === 'data') return;
    this.outgoing = [];
    receiver.close(first.kind === 'fin' ? null : new YakError('ECONNRESET', `connection with ${receiver.remoteAddress} was reset`));
  }

  private takeReadyData(): Uint8Array[] {
    const nowUs = this.network.world.nowUs;
    const taken: Uint8Array[] = [];
    const random = this.network.random;
    while (this.outgoing.length > 0) {
      const parcel = this.outgoing[0]!;
      if (parcel.kind !== 'data' || parcel.readyUs > nowUs) break;
      if (parcel.bytes.byteLength > 1 && random.chance(this.network.splitProbability)) {
        const at = 1 + random.integer(parcel.bytes.byteLength - 1);
        taken.push(parcel.bytes.subarray(0, at));
        this.outgoing[0] = { kind: 'data', bytes: parcel.bytes.subarray(at), readyUs: nowUs + random.integer(500) };
        break;
      }
      taken.push(parcel.bytes);
      this.outgoing.shift();
    }
    return taken;
  }

  /** The receiver has closed: what still comes is answered with a reset, unless the close itself is already on its way. */
  private discard(): void {
    this.outgoing = [];
    this.outgoingBytes = 0;
  }

  private wakeSender(): void {
    if (!this.wantsDrain || this.bufferedBytes > 0) return;
    this.wantsDrain = false;
    this.process.run('drain', () => {
      if (this.state === 'open') this.drainListener?.();
    });
  }

  /** Not earlier: the last words of a closed end may still be held up by a blocked link. */
  private forgetWhenBothClosed(): void {
    if (this.peer.state !== 'closed') return;
    this.network.forget(this);
    this.network.forget(this.peer);
  }

  private close(error: Error | null): void {
    if (this.state !== 'open') return;
    this.state = 'closing';
    this.closeError = error;
    this.process.run('close', () => {
      this.state = 'closed';
      this.forgetWhenBothClosed();
      for (const listener of this.closeListeners) listener(error);
    });
  }
}
