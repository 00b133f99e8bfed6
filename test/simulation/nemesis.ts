/**
 * Carries out the planned faults and takes them back. Under `commit` any number of power losses is inside the fault budget,
 * so nothing it does ever makes the loss of an acknowledged record legitimate.
 */
import type { SimCluster } from './cluster.js';
import { block, CoordinatorNemesis, freeze } from './coordinator-nemesis.js';
import type { BrokerTarget, Fault, HostName, PlannedFault } from './swarm-options.js';
import { BROKERS, MEMBERS_MAX } from './swarm-options.js';

const ATTEMPT_INTERVAL_MS = 300;

export class Nemesis {
  /** Faults that really struck (a dead broker cannot be killed again); a loss of power counts once per broker. */
  struck = 0;
  private isOver = false;

  private readonly coordinators: CoordinatorNemesis;

  constructor(private readonly cluster: SimCluster) {
    this.coordinators = new CoordinatorNemesis(cluster);
  }

  schedule(faults: readonly PlannedFault[]): void {
    for (const { atMs, fault } of faults) this.later(atMs, () => this.attempt(fault));
  }

  /** A fault that finds nothing to break (everybody is dead already) tries again a little later. */
  private attempt(fault: Fault): void {
    const count = this.isOver ? 0 : Number(this.strike(fault));
    this.struck += count;
    if (count === 0 && !this.isOver) this.later(ATTEMPT_INTERVAL_MS, () => this.attempt(fault));
  }

  /** For a seed whose plan found too little to break: kills brokers until `count` faults struck. */
  strikeAtLeast(count: number): void {
    for (const id of BROKERS) if (this.struck < count && this.kill(id, false, 1_000)) this.struck++;
  }

  /** Everything works again from now on: links, disks, processes. */
  healAll(): void {
    const { cluster } = this;
    this.isOver = true;
    cluster.world.note('world', 'fault', 'heal everything');
    cluster.world.network.unblockAll();
    for (const name of [...BROKERS.map(hostOf), ...cluster.coordinators.nodes.map(({ host }) => host)]) {
      cluster.world.disk(name).clearFaults();
      this.killAtOperation.delete(name);
      cluster.world.process(name)?.resume();
    }
    for (let member = 0; member < MEMBERS_MAX; member++) cluster.world.process(`member-${member}`)?.resume();
    this.coordinators.heal();
    for (const id of BROKERS) cluster.startBroker(id);
  }

  private readonly killAtOperation = new Map<string, () => void>();

  /** Answers how many things broke. */
  private strike(fault: Fault): boolean | number {
    switch (fault.kind) {
      case 'kill':
        return this.kill(this.brokerOf(fault.target), false, fault.downMs);
      case 'kill-at-operation':
        return this.armKill(this.brokerOf(fault.target), fault);
      case 'kill-then-power':
        return this.killThenLosePower(this.brokerOf(fault.target), fault.upMs);
      case 'power':
        return fault.brokers.filter((id) => this.kill(id, true, fault.downMs)).length;
      case 'disk-lost':
        return this.loseDisk(this.brokerOf(fault.target), fault.downMs);
      case 'freeze':
        return this.freeze(hostOf(this.brokerOf(fault.target)), fault.durationMs);
      case 'restart':
        return this.restart(this.brokerOf(fault.target));
      case 'cut':
        return this.cut(fault.hosts);
      case 'partition':
        return this.block(fault.isOneWay ? [fault.hosts] : [fault.hosts, [fault.hosts[1], fault.hosts[0]]], fault.durationMs);
      case 'isolate':
        return this.isolate(this.brokerOf(fault.target), fault.from, fault.durationMs);
      case 'slow-disk':
        return this.slowDisk(hostOf(this.brokerOf(fault.target)), fault.extraMs, fault.durationMs);
      case 'member-kill':
        return this.cluster.killMember(fault.member, fault.downMs);
      case 'member-freeze':
        return this.freeze(`member-${fault.member}`, fault.durationMs);
      case 'clock-jump':
        return this.jumpClock(hostOf(this.brokerOf(fault.target)), fault.byMs);
      default:
        return this.coordinators.strike(fault);
    }
  }

  private brokerOf(target: BrokerTarget): number {
    if ('broker' in target) return target.broker;
    if ('groupCoordinator' in target) return this.cluster.groupCoordinator() ?? 0;
    return this.cluster.leaderOf(target.leaderOf) ?? target.leaderOf % BROKERS.length;
  }

  private kill(id: number, losesPower: boolean, downMs: number): boolean {
    const process = this.cluster.world.process(hostOf(id));
    if (!process?.isAlive) return false;
    process.kill({ loseUnsynced: losesPower, isSilent: losesPower && id % 2 === 0 });
    this.later(downMs, () => this.cluster.startBroker(id));
    return true;
  }

  /** What the first incarnation never synced is served from the page cache by the second, then the cache goes. */
  private killThenLosePower(id: number, upMs: number): boolean {
    if (!this.kill(id, false, 20)) return false;
    this.later(20 + upMs, () => {
      if (!this.isOver) this.kill(id, true, 300);
    });
    return true;
  }

  private loseDisk(id: number, downMs: number): boolean {
    if (!this.kill(id, true, downMs)) return false;
    this.cluster.world.note('world', 'fault', `the disk of broker-${id} is replaced by an empty one`);
    this.cluster.world.disk(hostOf(id)).replace();
    this.cluster.diskReplaced(id);
    return true;
  }

  /** Dies in the middle of what it is doing, right after one of its disk operations. */
  private armKill(id: number, fault: Extract<Fault, { kind: 'kill-at-operation' }>): boolean {
    const host = hostOf(id);
    if (this.killAtOperation.has(host) || !this.cluster.world.process(host)?.isAlive) return false;
    let left = fault.operations;
    this.killAtOperation.set(host, () => {
      if (--left > 0) return;
      this.killAtOperation.delete(host);
      this.kill(id, fault.losesPower, fault.downMs);
    });
    return true;
  }

  /** The cluster calls this at every disk operation of a broker. */
  onDiskOperation(host: string): void {
    this.killAtOperation.get(host)?.();
  }

  private freeze(host: HostName, durationMs: number): boolean {
    return freeze(this.cluster, host, durationMs);
  }

  private restart(id: number): boolean {
    return this.cluster.stopBroker(id, () => this.cluster.startBroker(id));
  }

  private cut([a, b]: readonly [HostName, HostName]): boolean {
    const count = this.cluster.world.network.cut(a, b);
    this.cluster.world.note('world', 'fault', `cut ${count} connections between ${a} and ${b}`);
    return count > 0;
  }

  private isolate(id: number, from: 'brokers' | 'coordinator' | 'all but clients', durationMs: number): boolean {
    const host = hostOf(id);
    const others = BROKERS.map(hostOf).filter((other) => other !== host);
    const coordinators = this.cluster.coordinators.nodes.map((node) => node.host);
    const peers = from === 'brokers' ? others : from === 'coordinator' ? coordinators : [...others, ...coordinators];
    return this.block(
      peers.flatMap((peer): (readonly [HostName, HostName])[] => [
        [host, peer],
        [peer, host],
      ]),
      durationMs,
    );
  }

  private block(links: readonly (readonly [HostName, HostName])[], durationMs: number): boolean {
    return block(this.cluster, links, durationMs);
  }

  private slowDisk(host: HostName, extraMs: number, durationMs: number): boolean {
    const disk = this.cluster.world.disk(host);
    this.cluster.world.note('world', 'fault', `disk of ${host} is slower by ${extraMs} ms for ${durationMs} ms`);
    disk.extraSyncLatencyMs = extraMs;
    this.later(durationMs, () => {
      disk.extraSyncLatencyMs = 0;
    });
    return true;
  }

  private jumpClock(host: HostName, byMs: number): boolean {
    const process = this.cluster.world.process(host);
    if (!process?.isAlive) return false;
    this.cluster.world.note('world', 'fault', `wall clock of ${host} is off by ${byMs} ms from now on`);
    process.wallOffsetMs = byMs;
    return true;
  }

  private later(delayMs: number, run: () => void): void {
    this.cluster.world.schedule(delayMs, 'fault', run);
  }
}

export function hostOf(brokerId: number): HostName {
  return `broker-${brokerId}` as HostName;
}
