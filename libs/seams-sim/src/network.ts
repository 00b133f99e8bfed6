/**
 * TCP between simulated hosts. Inside a connection bytes stay in order and are never duplicated; they are split, joined,
 * delayed, held up by blocked links (each direction alone), and lost at the tail when a connection is cut. A dead process
 * refuses; a frozen one is accepted by its kernel or swallows the dial, as chance has it; a host without power is silent.
 */
import { YakError } from '#kernel';
import { type Address, type Connection, formatAddress, type Listener, type Network } from '#seams';
import { SimConnection } from './connection.js';
import type { SimProcess } from './process.js';
import type { SimRandom } from './random.js';
import type { SimWorld } from './world.js';

export interface Latency {
  readonly minMs: number;
  readonly maxMs: number;
}

const DEFAULT_LATENCY: Latency = { minMs: 0.05, maxMs: 0.5 };
const DIAL_TIMEOUT_MS = 10_000;
/** SYNs lost to a blocked link are sent again so often. */
const SYN_RETRY_MS = 1_000;
const FIRST_EPHEMERAL_PORT = 49_152;

interface Host {
  /** False after a loss of power, until a process starts there again. */
  isOn: boolean;
  readonly listeners: Map<number, SimListener>;
  /** Ends of connections of dead processes whose peers were never told. */
  ghosts: SimConnection[];
  nextPort: number;
}

export class SimNetwork {
  /** How often a delivery is split in two. */
  splitProbability = 0.05;
  /** How often a write rides along with the one before it. */
  joinProbability = 0.3;
  defaultLatency: Latency = DEFAULT_LATENCY;
  readonly random: SimRandom;
  private readonly hosts = new Map<string, Host>();
  private readonly blocked = new Set<string>();
  private readonly latencies = new Map<string, Latency>();
  private readonly connections = new Set<SimConnection>();

  constructor(readonly world: SimWorld) {
    this.random = world.random.fork('network');
  }

  /** The Network port as that process sees it. */
  of(process: SimProcess): Network {
    return {
      listen: (address, onConnection) => this.listen(process, address, onConnection),
      dial: (address, options) => this.dial(process, address, options?.timeoutMs ?? DIAL_TIMEOUT_MS),
    };
  }

  // ---- faults ----

  setLatency(from: string, to: string, latency: Latency): void {
    this.latencies.set(`${from}>${to}`, latency);
  }

  /** Nothing travels from `from` to `to` until it is unblocked; what was sent waits. */
  block(from: string, to: string): void {
    this.blocked.add(`${from}>${to}`);
  }

  blockBoth(a: string, b: string): void {
    this.block(a, b);
    this.block(b, a);
  }

  isBlocked(from: string, to: string): boolean {
    return this.blocked.size > 0 && this.blocked.has(`${from}>${to}`);
  }

  unblock(from: string, to: string): void {
    if (this.blocked.delete(`${from}>${to}`)) this.wakeStalled();
  }

  unblockAll(): void {
    this.blocked.clear();
    this.wakeStalled();
  }

  /** Cuts every connection between two hosts; each direction keeps a random prefix of what is under way. Answers how many. */
  cut(a: string, b: string): number {
    let count = 0;
    for (const connection of [...this.connections]) {
      if (connection.isDialer && isBetween(connection, a, b)) {
        connection.cut();
        count++;
      }
    }
    return count;
  }

  // ---- the Network port ----

  private async listen(process: SimProcess, address: Address, onConnection: (connection: Connection) => void): Promise<Listener> {
    if (!process.isAlive) return new Promise(() => {});
    const host = this.host(process.host);
    const port = address.port === 0 ? this.freePort(host) : address.port;
    if (host.listeners.has(port)) throw new YakError('ADDRESS_IN_USE', `${formatAddress({ host: address.host, port })} is already in use`);
    const listener = new SimListener({ host: address.host, port }, process, onConnection, () => {
      if (host.listeners.get(port) === listener) host.listeners.delete(port);
    });
    host.listeners.set(port, listener);
    return listener;
  }

  private dial(process: SimProcess, address: Address, timeoutMs: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const settle = (outcome: () => void) => {
        if (isSettled) return;
        isSettled = true;
        timer.isCancelled = true;
        outcome();
      };
      const timer = process.run('dial', () => settle(() => reject(timeoutError(address, timeoutMs))), timeoutMs);
      const attempt: DialAttempt = {
        process,
        address,
        isOver: () => isSettled || !process.isAlive,
        refuse: () =>
          process.deliver(() => settle(() => reject(new YakError('CONNECTION_REFUSED', `nobody listens on ${formatAddress(address)}`)))),
        establish: (connection) =>
          process.deliver(() => {
            if (isSettled) connection.destroy();
            else settle(() => resolve(connection));
          }),
      };
      this.later(process.host, address.host, 'syn', () => this.arriveSyn(attempt));
    });
  }

  private arriveSyn(attempt: DialAttempt): void {
    if (attempt.isOver()) return;
    const from = attempt.process.host;
    const to = attempt.address.host;
    const host = this.hosts.get(to);
    if (this.isBlocked(from, to) || (host && !host.isOn)) {
      this.world.schedule(SYN_RETRY_MS, 'syn', () => this.arriveSyn(attempt));
      return;
    }
    const listener = host?.listeners.get(attempt.address.port);
    if (listener === undefined || !listener.process.isAlive) {
      this.later(to, from, 'rst', () => {
        if (!this.isBlocked(to, from)) attempt.refuse();
      });
      return;
    }
    if (listener.process.state === 'frozen' && this.random.chance(0.5)) return;
    const local = { host: from, port: this.freePort(this.host(from)) };
    const [dialer, accepted] = SimConnection.pair(this, attempt.process, local, listener.process, attempt.address);
    this.connections.add(dialer).add(accepted);
    listener.process.run('accept', () => {
      listener.accept(accepted);
      accepted.accepted();
    });
    this.sendSynAck(attempt, dialer, to, from);
  }

  private sendSynAck(attempt: DialAttempt, dialer: SimConnection, from: string, to: string): void {
    this.later(from, to, 'synack', () => {
      if (this.isBlocked(from, to) && !attempt.isOver()) {
        this.world.schedule(SYN_RETRY_MS, 'synack', () => this.sendSynAck(attempt, dialer, from, to));
      } else {
        attempt.establish(dialer);
      }
    });
  }

  // ---- processes ----

  /** @internal */
  onProcessStarted(process: SimProcess): void {
    const host = this.host(process.host);
    host.isOn = true;
    const ghosts = host.ghosts;
    host.ghosts = [];
    // What peers still send to the old incarnation is answered with a reset.
    for (const ghost of ghosts) ghost.reset();
  }

  /** @internal */
  onProcessDied(process: SimProcess, isSilent: boolean): void {
    const host = this.host(process.host);
    for (const [port, listener] of [...host.listeners]) if (listener.process === process) host.listeners.delete(port);
    if (isSilent) host.isOn = false;
    for (const connection of [...this.connections]) {
      if (connection.process !== process) continue;
      if (!connection.abandon()) continue;
      if (isSilent) host.ghosts.push(connection);
      else connection.reset();
    }
  }

  /** @internal */
  forget(connection: SimConnection): void {
    this.connections.delete(connection);
  }

  /** @internal */
  latencyUs(from: string, to: string): number {
    const { minMs, maxMs } = this.latencies.get(`${from}>${to}`) ?? this.defaultLatency;
    return Math.round((minMs + this.random.next() * (maxMs - minMs)) * 1000);
  }

  private later(from: string, to: string, kind: string, run: () => void): void {
    this.world.schedule(this.latencyUs(from, to) / 1000, kind, run);
  }

  private wakeStalled(): void {
    for (const connection of this.connections) connection.wakeOutgoing();
  }

  private host(name: string): Host {
    let host = this.hosts.get(name);
    if (!host) this.hosts.set(name, (host = { isOn: true, listeners: new Map(), ghosts: [], nextPort: FIRST_EPHEMERAL_PORT }));
    return host;
  }

  private freePort(host: Host): number {
    while (host.listeners.has(host.nextPort)) host.nextPort++;
    return host.nextPort++;
  }
}

interface DialAttempt {
  readonly process: SimProcess;
  readonly address: Address;
  isOver(): boolean;
  refuse(): void;
  establish(connection: SimConnection): void;
}

class SimListener implements Listener {
  private readonly accepted = new Set<SimConnection>();
  private isClosed = false;

  constructor(
    readonly address: Address,
    readonly process: SimProcess,
    private readonly onConnection: (connection: Connection) => void,
    private readonly unbind: () => void,
  ) {}

  accept(connection: SimConnection): void {
    if (this.isClosed) {
      connection.destroy();
      return;
    }
    this.accepted.add(connection);
    connection.onClose(() => this.accepted.delete(connection));
    this.onConnection(connection);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.unbind();
    for (const connection of [...this.accepted]) connection.destroy();
  }
}

function isBetween(connection: SimConnection, a: string, b: string): boolean {
  const { localHost, remoteHost } = connection;
  return (localHost === a && remoteHost === b) || (localHost === b && remoteHost === a);
}

function timeoutError(address: Address, timeoutMs: number): YakError {
  return new YakError('CONNECT_TIMEOUT', `no answer from ${formatAddress(address)} within ${timeoutMs} ms`);
}
