/** What is done to the cluster coordinators and to the store that they share. */
import type { SimCluster } from './cluster.js';
import type { CoordinatorNode } from './coordinators.js';
import { STORE_HOST, type Survival } from './store/sim-store.js';
import type { CoordinatorTarget, Fault, HostName } from './swarm-options.js';

type Link = readonly [HostName, HostName];
type Isolation = Extract<Fault, { kind: 'coordinator-isolate' }>;

export class CoordinatorNemesis {
  constructor(private readonly cluster: SimCluster) {}

  /** Answers whether something broke. */
  strike(fault: Fault): boolean {
    switch (fault.kind) {
      case 'coordinator-kill':
        return this.kill(this.resolve(fault.target), fault.losesPower, fault.downMs);
      case 'coordinator-disk-lost':
        return this.loseDisk(this.resolve('acting'), fault.downMs);
      case 'coordinator-freeze':
        return freeze(this.cluster, this.resolve(fault.target).host, fault.durationMs);
      case 'coordinator-stop':
        return this.stop(this.resolve(fault.target), fault.downMs);
      case 'coordinator-isolate':
        return this.isolate(this.resolve(fault.target), fault);
      case 'store-kill':
        return this.killStore({ kind: 'everything' }, fault.isSilent, fault.downMs);
      case 'store-rollback':
        return this.loseStore({ kind: 'older', lostMs: fault.lostMs }, fault);
      case 'store-lost':
        return this.loseStore({ kind: 'nothing' }, fault);
      case 'store-freeze':
        return freeze(this.cluster, STORE_HOST, fault.durationMs);
      case 'store-slow':
        return this.slowStore(fault.slowMs, fault.durationMs);
      case 'store-cut':
        return this.cluster.world.network.cut(this.resolve(fault.target).host, STORE_HOST) > 0;
      default:
        throw new Error(`${fault.kind} strikes no coordinator`);
    }
  }

  /** Links are healed already. */
  heal(): void {
    const { store, coordinators, world } = this.cluster;
    world.process(STORE_HOST)?.resume();
    if (store) store.slowMs = 0;
    coordinators.startAll();
  }

  private resolve(target: CoordinatorTarget): CoordinatorNode {
    return this.cluster.coordinators.resolve(target);
  }

  private kill({ id, process }: CoordinatorNode, losesPower: boolean, downMs: number): boolean {
    if (!process?.isAlive) return false;
    process.kill({ loseUnsynced: losesPower, isSilent: false });
    this.later(downMs, () => this.cluster.coordinators.start(id));
    return true;
  }

  private loseDisk(node: CoordinatorNode, downMs: number): boolean {
    if (!this.kill(node, true, downMs)) return false;
    this.cluster.world.note('world', 'fault', `the disk of ${node.host} is replaced by an empty one`);
    this.cluster.world.disk(node.host).replace();
    return true;
  }

  private stop({ id }: CoordinatorNode, downMs: number): boolean {
    return this.cluster.coordinators.stop(id, () => this.later(downMs, () => this.cluster.coordinators.start(id)));
  }

  private isolate({ host }: CoordinatorNode, { from, way, durationMs }: Isolation): boolean {
    const brokers = this.cluster.brokers.map((node) => node.host as HostName);
    const others = this.cluster.coordinators.nodes.map((node) => node.host).filter((name) => name !== host);
    const peers = { store: [STORE_HOST], brokers, other: others, all: [STORE_HOST, ...brokers, ...others] } as const;
    const links = peers[from].flatMap((peer): Link[] => {
      const out: Link = [host, peer];
      const back: Link = [peer, host];
      return way === 'both' ? [out, back] : way === 'out' ? [out] : [back];
    });
    return links.length > 0 && block(this.cluster, links, durationMs);
  }

  private loseStore(survival: Survival, { isAlone, downMs }: { readonly isAlone: boolean; readonly downMs: number }): boolean {
    if (!this.killStore(survival, true, downMs)) return false;
    if (!isAlone) for (const node of this.cluster.coordinators.nodes) this.kill(node, true, downMs);
    return true;
  }

  private killStore(survival: Survival, isSilent: boolean, downMs: number): boolean {
    const store = this.cluster.store!;
    if (!store.kill(survival, isSilent)) return false;
    this.later(downMs, () => store.start());
    return true;
  }

  private slowStore(slowMs: number, durationMs: number): boolean {
    const store = this.cluster.store!;
    this.cluster.world.note('world', 'fault', `the store takes up to ${slowMs} ms longer for ${durationMs} ms`);
    store.slowMs = slowMs;
    this.cluster.coordinatorChecks.disturbed(STORE_HOST);
    this.later(durationMs, () => {
      store.slowMs = 0;
    });
    return true;
  }

  private later(delayMs: number, run: () => void): void {
    this.cluster.world.schedule(delayMs, 'fault', run);
  }
}

export function freeze({ world, coordinatorChecks }: SimCluster, host: HostName, durationMs: number): boolean {
  const process = world.process(host);
  if (process?.state !== 'running') return false;
  process.freeze();
  coordinatorChecks.disturbed(host);
  world.schedule(durationMs, 'fault', () => process.resume());
  return true;
}

export function block({ world, coordinatorChecks }: SimCluster, links: readonly Link[], durationMs: number): boolean {
  world.note('world', 'fault', `block ${links.map(([from, to]) => `${from} > ${to}`).join(', ')} for ${durationMs} ms`);
  for (const [from, to] of links) {
    world.network.block(from, to);
    if (to === STORE_HOST) coordinatorChecks.disturbed(from);
    if (from === STORE_HOST) coordinatorChecks.disturbed(to);
  }
  world.schedule(durationMs, 'fault', () => {
    for (const [from, to] of links) world.network.unblock(from, to);
  });
  return true;
}
