/**
 * What must hold of the cluster coordinators and of what they write, watched at the store itself and where they publish: one
 * coordinator commits in a coordinator epoch, epochs only rise along the chain, and a new history begins only where R19 has
 * to: not after a restart with everything that the acting coordinator lived through. Who beats is not deposed, and who
 * answers a heartbeat has the store's word for it: not older than a session, and none of before where proof was asked (R24).
 */
import { DEFAULT_COORDINATOR_CONFIG } from '#coordinator-core';
import { type MetadataEntry, NEW_HISTORY_STEP } from '#metadata';
import type { BrokerHeartbeatRequest, BrokerHeartbeatResponse } from '#rpc';
import { Violation } from './checkers.js';
import type { SimCluster } from './cluster.js';
import type { CoordinatorListener, CoordinatorNode } from './coordinators.js';
import { STORE_HOST, type StoreEvent, type StoreListener, type Survival } from './store/sim-store.js';

const SESSION_MS = DEFAULT_COORDINATOR_CONFIG.turnTimeoutMs;

export interface CoordinatorTotals {
  /** By another coordinator than the one before. */
  takeovers: number;
  /** The store came back, and the chain went on. */
  restartsAccepted: number;
  historiesAfterLoss: number;
  historiesAfterRollback: number;
  /** Restarts with everything that nobody had lived through, or of a store that says that it is not durable. */
  historiesAfterRestart: number;
  /** The embedded store's, and what a broker's contradiction brought about. */
  historiesOtherwise: number;
}

/** Who acted when the store was restarted. */
interface Witness {
  readonly node: CoordinatorNode;
  readonly incarnation: number;
}

export class CoordinatorChecks implements CoordinatorListener, StoreListener {
  readonly totals: CoordinatorTotals = {
    takeovers: 0,
    restartsAccepted: 0,
    historiesAfterLoss: 0,
    historiesAfterRollback: 0,
    historiesAfterRestart: 0,
    historiesOtherwise: 0,
  };
  /** coordinator epoch -> who committed in it. */
  private readonly committers = new Map<number, string>();
  private readonly writers = new Map<number, string>();
  /** coordinator epoch -> who took over with it; of a store that went back, the latest. */
  private readonly actors = new Map<number, string>();
  /** coordinator epoch -> when the store last confirmed it, virtual ms. */
  private readonly confirmedAt = new Map<number, number>();
  private highestRevision = -1;
  private highestEpoch = -1;
  /** Since the last commit. */
  private survived: Survival['kind'] | null = null;
  private witness: Witness | null = null;

  constructor(private readonly cluster: SimCluster) {}

  // ---- where they publish ----

  committed(node: CoordinatorNode, { revision, coordinatorEpoch }: MetadataEntry): void {
    const who = `${node.host} #${node.process!.incarnation}`;
    const known = this.committers.get(coordinatorEpoch);
    if (known !== undefined && known !== who)
      return this.fail('R17', `coordinator epoch ${coordinatorEpoch} has commits of ${known} and of ${who}`);
    this.committers.set(coordinatorEpoch, who);
    if (revision <= this.highestRevision) return;
    if (coordinatorEpoch < this.highestEpoch)
      return this.fail('R17', `${who} committed revision ${revision} in epoch ${coordinatorEpoch} after epoch ${this.highestEpoch}`);
    if (this.highestRevision >= 0 && revision - this.highestRevision >= NEW_HISTORY_STEP / 2) this.historyBegan(who);
    else if (this.survived !== null) this.totals.restartsAccepted++;
    this.highestRevision = revision;
    this.highestEpoch = coordinatorEpoch;
    // What was answered before the store ended, and was under way then, says nothing of what it holds now.
    if (this.cluster.store && !this.cluster.store.isAlive) return;
    this.survived = null;
    this.witness = null;
  }

  private historyBegan(who: string): void {
    const { totals, survived, witness } = this;
    if (survived === 'nothing') totals.historiesAfterLoss++;
    else if (survived === 'older') totals.historiesAfterRollback++;
    else if (survived === 'everything') totals.historiesAfterRestart++;
    else totals.historiesOtherwise++;
    if (survived === 'everything' && witness !== null && isAliveStill(witness))
      this.fail(
        'R19',
        `${who} began a new history, though ${witness.node.host} acted before and after the restart of a store with everything`,
      );
  }

  heartbeatAnswered(
    { host }: CoordinatorNode,
    { wantsProof }: BrokerHeartbeatRequest,
    { error, coordinatorEpoch }: BrokerHeartbeatResponse,
    askedAtMs: number,
  ): void {
    if (this.cluster.store === null || error !== 'NONE') return;
    const confirmedAt = this.confirmedAt.get(coordinatorEpoch) ?? Number.NEGATIVE_INFINITY;
    const what = `${host} answered a heartbeat of ${askedAtMs} ms in coordinator epoch ${coordinatorEpoch}, confirmed at ${confirmedAt} ms`;
    if (wantsProof && confirmedAt < askedAtMs) this.fail('R24', `${what}: no proof`);
    if (confirmedAt < askedAtMs - SESSION_MS) this.fail('R18', `${what}: it may be deposed by now`);
  }

  // ---- at the store ----

  executed({ host, verb, isOk, wasReleased, epochBefore, epochAfter, entry }: StoreEvent): void {
    if (epochAfter < epochBefore) this.fail('R17', `the coordinator epoch of the store went back from ${epochBefore} to ${epochAfter}`);
    if (isOk && verb === 'take-over') {
      const actor = this.actors.get(epochBefore);
      if (actor !== undefined && actor !== host) {
        this.totals.takeovers++;
        if (!wasReleased) this.checkDeposed(host, epochBefore);
      }
      this.actors.set(epochAfter, host);
    }
    if (isOk && (verb === 'take-over' || verb === 'beat')) this.confirmedAt.set(epochAfter, this.cluster.world.nowMs);
    if (entry === null) return;
    const { revision, coordinatorEpoch } = entry;
    if (coordinatorEpoch < epochBefore)
      this.fail('R17', `${host} appended revision ${revision} in epoch ${coordinatorEpoch}, the store has epoch ${epochBefore}`);
    const known = this.writers.get(coordinatorEpoch);
    if (known !== undefined && known !== host)
      this.fail('R17', `coordinator epoch ${coordinatorEpoch} has entries of ${known} and of ${host}`);
    this.writers.set(coordinatorEpoch, host);
  }

  private checkDeposed(host: string, epoch: number): void {
    const { nowMs } = this.cluster.world;
    const confirmedAt = this.confirmedAt.get(epoch) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - confirmedAt < SESSION_MS)
      this.fail('R18', `${host} took over from coordinator epoch ${epoch} at ${nowMs} ms, but the store confirmed it at ${confirmedAt} ms`);
  }

  restarted(survival: Survival): void {
    const acting = this.cluster.coordinators.acting();
    const isFirst = this.survived === null;
    // What counts is the worst since somebody committed.
    if (isFirst || survival.kind === 'nothing' || this.survived === 'everything') this.survived = survival.kind;
    if (isFirst && acting?.process?.state === 'running' && this.cluster.store!.mayBeTrustedBy(acting.host))
      this.witness = { node: acting, incarnation: acting.process.incarnation };
  }

  /** Something was done to that host (the store's: to all of them): what it saw of a restart proves nothing. */
  disturbed(host: string): void {
    if (this.witness?.node.host === host || host === STORE_HOST) this.witness = null;
  }

  private fail(invariant: string, what: string): void {
    this.cluster.world.fail(new Violation(invariant, what));
  }
}

function isAliveStill({ node, incarnation }: Witness): boolean {
  return node.process?.isAlive === true && node.process.incarnation === incarnation;
}
