/**
 * The operator's word on a store that lost something (R19). It is asked for in two steps: the first answer says what would be done
 * and what is given up by it, the second call repeats what was seen. Nothing is done if that is not so any more, so a call that is
 * sent twice, or reaches a coordinator that has lost its turn, does no harm.
 */
import type { BrokerId, RequestContext } from '#kernel';
import { YakError } from '#kernel';
import { clusterIdOf, type MetadataImage } from '#metadata';
import type { TrustAction, TrustStoreRequest, TrustStoreResponse } from '#rpc';
import type { Logger } from '#seams';
import type { CoordinatorState } from './config.js';
import type { CopyCollector } from './copy-collector.js';
import type { Suspicion } from './suspicion.js';

/** What a cluster coordinator is at this moment, and what it can do about it. */
export interface TrustSituation {
  readonly state: CoordinatorState;
  readonly reason: string | null;
  readonly coordinatorEpoch: number;
  readonly image: MetadataImage;
  /** A new history or cluster is being begun. */
  readonly isUnderWay: boolean;
  readonly collector: CopyCollector | null;
  /** Configured brokers that have not asked for the bootstrap. */
  readonly missingBlank: readonly BrokerId[];
  readonly suspicion: Suspicion | null;
}

export interface TrustHost {
  readonly logger: Logger;
  situation(): TrustSituation;
  /** Throws NOT_ACTIVE, with who acts, unless it is sure of its turn. */
  requireTurn(): void;
  /** Resolves when the store has confirmed the turn after the call; else rejects with NOT_ACTIVE. */
  requireProof(): Promise<void>;
  beginHistory(): Promise<void>;
  beginCluster(): Promise<void>;
}

type Plan = Omit<TrustStoreResponse, 'isDone'>;

export async function trustStore(host: TrustHost, { confirm }: TrustStoreRequest, context: RequestContext): Promise<TrustStoreResponse> {
  host.requireTurn();
  const shown = plan(host.situation());
  if (confirm === undefined) return { ...shown, isDone: false };
  await host.requireProof();
  host.requireTurn();
  const situation = host.situation();
  const agreed = plan(situation);
  const isSame = agreed.action === confirm.action && agreed.coordinatorEpoch === confirm.coordinatorEpoch;
  if (!isSame || agreed.brokers.join() !== [...confirm.brokers].sort((a, b) => a - b).join()) {
    const seen = `${confirm.action}, brokers ${listed(confirm.brokers)}, coordinator epoch ${confirm.coordinatorEpoch}`;
    const now = `${agreed.action}, brokers ${listed(agreed.brokers)}, coordinator epoch ${agreed.coordinatorEpoch}`;
    throw new YakError('SITUATION_CHANGED', `nothing was done: what was confirmed (${seen}) is not so any more (${now}); look again`);
  }
  const { principal, clientAddress } = context;
  host.logger.warn('the operator trusts the metadata store', { ...confirm, principal, clientAddress });
  if (agreed.action === 'begin-history') await host.beginHistory();
  else if (agreed.action === 'begin-cluster') await host.beginCluster();
  else if (agreed.action === 'take-brokers') await situation.suspicion!.takeBack(agreed.brokers);
  else await situation.suspicion!.end();
  return { ...agreed, clusterId: host.situation().image.cluster?.clusterId ?? agreed.clusterId, isDone: true };
}

function plan(situation: TrustSituation): Plan {
  const { state, collector, suspicion, isUnderWay, missingBlank } = situation;
  if (isUnderWay) throw new YakError('BUSY', 'a new history or cluster is being begun at this moment; look again');
  if (state === 'collecting') return collectingPlan(situation, collector!);
  if (state === 'bootstrapping') {
    const without = `without waiting for brokers ${listed(missingBlank)}; those that hold data of another cluster are refused from then on`;
    const message = `A new, empty cluster begins${missingBlank.length === 0 ? '' : ` ${without}`}.`;
    return planned(situation, 'begin-cluster', missingBlank, message);
  }
  if (suspicion === null) throw new YakError('NOT_ACTIVE', situation.reason ?? `this cluster coordinator does not act: it is ${state}`);
  if (suspicion.turnedAway.size > 0) {
    const brokers = [...suspicion.turnedAway.keys()];
    const message =
      `Brokers ${listed(brokers)} were turned away, because they know metadata that was given up when this history began. They may come ` +
      'as they are: topics, configs and in-sync replicas that only they know are forgotten, and their logs follow those of the leaders.';
    return planned(situation, 'take-brokers', brokers, message);
  }
  if (!suspicion.isOn)
    throw new YakError('STORE_NOT_SUSPECT', 'the metadata store is not suspect: there is nothing to trust, and nothing was done');
  const brokers = suspicion.awaited;
  return planned(situation, 'end-suspicion', brokers, `Brokers ${listed(brokers)} are not waited for; topics can be changed again.`);
}

function collectingPlan(situation: TrustSituation, collector: CopyCollector): Plan {
  const { offers, missing } = collector;
  const clusterId = clusterIdOf(offers);
  if (clusterId === null) {
    const message =
      'No copy of the metadata has come: a new, empty cluster begins, with an id of its own. Brokers that hold data of the old one are ' +
      `refused from then on${missing.length === 0 ? '' : `; brokers ${listed(missing)} may still hold a copy: start them first if you can`}.`;
    return planned(situation, 'begin-cluster', missing, message);
  }
  const newest = offers.reduce((best, offer) => (offer.snapshot.revision > best.snapshot.revision ? offer : best));
  const from = newest.brokerId < 0 ? 'what the store holds' : `the copy of broker ${newest.brokerId}`;
  const without =
    missing.length === 0
      ? ''
      : `, without the copies of brokers ${listed(missing)}: topics, configs and in-sync replicas that only they know are given up, and who ` +
        'of them comes back knowing such is turned away';
  const message =
    `A new history begins from ${from} at revision ${newest.snapshot.revision}${without}. No log is touched: each partition gets a leader when ` +
    'enough of its replicas have told what they hold (replication factor - min.insync.replicas + 1), and has none until then.';
  return { ...planned(situation, 'begin-history', missing, message), clusterId };
}

function planned(situation: TrustSituation, action: TrustAction, brokers: readonly BrokerId[], message: string): Plan {
  const { coordinatorEpoch, reason, image, collector } = situation;
  const copies = (collector?.offers ?? []).map(({ brokerId, snapshot }) => ({ brokerId, revision: snapshot.revision }));
  return {
    action,
    coordinatorEpoch,
    clusterId: image.cluster?.clusterId ?? null,
    reason: reason ?? 'the store lost something, and not all brokers have reported since',
    brokers: [...brokers].sort((a, b) => a - b),
    copies: copies.sort((a, b) => a.brokerId - b.brokerId),
    message,
  };
}

function listed(brokers: readonly BrokerId[]): string {
  return brokers.join(', ') || 'none';
}
