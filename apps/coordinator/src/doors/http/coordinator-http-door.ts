/**
 * The HTTP door of the cluster coordinator: probes, metrics, and the cluster as it is committed: `/v1/leaders` (JSON or
 * server-sent events), `/v1/cluster`, and `/v1/clients` as all brokers tell it.
 * Live: the event loop turns; nothing outside of this process matters, so that no outage restarts it. Ready: it does its part as
 * far as anybody can: it acts, stands by with a warm copy, or waits for brokers; not without its store.
 */
import type { ClusterCoordinator, CoordinatorReport } from '#coordinator-core';
import { type RequestContext, YakError } from '#kernel';
import type { Address, Logger } from '#seams';
import {
  feedLeaders,
  type HttpAnswer,
  HttpDoor,
  type LeaderSource,
  LoopDelay,
  leadersView,
  MetricsPage,
} from '../../../../shared/http-door/index.js';

export interface CoordinatorHttpDoorOptions {
  readonly address: Address;
  readonly hostNames: readonly string[];
  readonly logger: Logger;
  /** A shared store that has not answered for longer makes this one not ready. */
  readonly storeTimeoutMs: number;
}

export type ShownCoordinator = Pick<ClusterCoordinator, 'report' | 'leaders' | 'onLeaderChange' | 'image' | 'handlers'>;

export async function openCoordinatorHttpDoor(
  options: CoordinatorHttpDoorOptions,
  coordinator: ShownCoordinator,
  connectionCount: () => number,
): Promise<HttpDoor> {
  const loopDelay = new LoopDelay();
  const metrics = coordinatorMetrics(coordinator, connectionCount, loopDelay);
  const leaders: LeaderSource = {
    clusterId: () => coordinator.report().clusterId,
    revision: () => coordinator.image.revision,
    leaders: () => coordinator.leaders(),
    onChange: (listener) => coordinator.onLeaderChange(listener),
  };
  let hasStarted = false;
  const notStarted = (): string | null => {
    const { state } = coordinator.report();
    hasStarted ||= state !== 'starting' && state !== 'stopped';
    return hasStarted ? null : state;
  };
  const answer = (problem: string | null): HttpAnswer => ({
    status: problem === null ? 200 : 503,
    body: {
      status: problem === null ? 'ok' : 'unavailable',
      reasons: problem === null ? [] : [problem],
      loopDelay: loopDelay.report,
      ...coordinator.report(),
    },
  });
  return await HttpDoor.listen(options, {
    views: {
      '/livez': () => answer(null),
      '/readyz': () => answer(notReady(coordinator.report(), options.storeTimeoutMs)),
      '/startupz': () => answer(notStarted()),
      '/metrics': () => metrics.answer(),
      '/v1/leaders': () => leadersView(leaders),
      '/v1/clients': () => clientsView(coordinator),
      '/v1/cluster': () => ({ status: 200, body: clusterView(coordinator) }),
    },
    streams: { '/v1/leaders': (stream) => feedLeaders(leaders, stream) },
  });
}

/**
 * Bootstrapping and collecting are waits for the brokers, which need this process for it: not ready would tell a rollout, or a
 * person, to look in the wrong place.
 */
export function notReady({ state, reason, storeAnsweredAgeMs }: CoordinatorReport, storeTimeoutMs: number): string | null {
  if (state === 'starting' || state === 'stopped' || state === 'inactive') return `${state}${reason ? `: ${reason}` : ''}`;
  if (storeAnsweredAgeMs === null || storeAnsweredAgeMs <= storeTimeoutMs) return null;
  return `the metadata store has not answered for ${Math.round(storeAnsweredAgeMs)} ms; brokers serve on, nothing is decided`;
}

const ASKER: RequestContext = {
  principal: 'User:ANONYMOUS',
  listener: 'http',
  clientId: null,
  clientSoftware: null,
  clientAddress: 'http',
  deadline: Number.POSITIVE_INFINITY,
};

/** Asks every live broker; 503 while this process does not act, since another one knows the brokers then. */
async function clientsView({ handlers }: ShownCoordinator): Promise<HttpAnswer> {
  try {
    return { status: 200, body: await handlers.listClients!({}, ASKER) };
  } catch (error) {
    if (!(error instanceof YakError)) throw error;
    return { status: 503, body: { error: error.message } };
  }
}

/** Brokers, topics and partitions with leader, ISR and epochs: for people and the console. */
export function clusterView(coordinator: ShownCoordinator) {
  const { image } = coordinator;
  return {
    ...coordinator.report(),
    topics: [...image.topicsById.values()].map((topic) => ({
      name: topic.name,
      topicId: topic.topicId,
      configs: topic.configs,
      partitions: image
        .partitionsOf(topic.topicId)
        .map(({ partition, leader, leaderEpoch, partitionEpoch, replicas, isr, possibleLoss }) => ({
          partition,
          leader,
          leaderEpoch,
          partitionEpoch,
          replicas,
          isr: isr.map(({ brokerId }) => brokerId),
          possibleLoss,
        })),
    })),
  };
}

export function coordinatorMetrics(coordinator: ShownCoordinator, connectionCount: () => number, loopDelay: LoopDelay): MetricsPage {
  const page = new MetricsPage();
  page.gauge('yak_coordinator_active', '1 when this process acts as the cluster coordinator.', () =>
    Number(coordinator.report().state === 'active'),
  );
  page.gauge('yak_coordinator_standby', '1 when this process stands by for the one that acts.', () =>
    Number(coordinator.report().state === 'standby'),
  );
  page.gauge(
    'yak_coordinator_standbys',
    'Cluster coordinators that stand by for this one; 0 while it does not act.',
    () => coordinator.report().standbys.length,
  );
  page.gauge('yak_coordinator_store_answer_age_seconds', 'Since a shared metadata store last answered; none with an embedded one.', () => {
    const { storeAnsweredAgeMs } = coordinator.report();
    return storeAnsweredAgeMs === null ? null : storeAnsweredAgeMs / 1_000;
  });
  page.gauge('yak_coordinator_epoch', 'Its coordinator epoch.', () => coordinator.report().coordinatorEpoch);
  page.gauge('yak_coordinator_metadata_revision', 'Revision of the committed metadata.', () => coordinator.image.revision);
  page.gauge('yak_coordinator_suspect', '1 while the metadata store is suspect.', () => Number(coordinator.report().isSuspect));
  page.labelled('yak_coordinator_brokers', 'Registered brokers.', 'state', () => {
    const { brokers } = coordinator.report();
    const fenced = brokers.filter((broker) => broker.isFenced).length;
    return { active: brokers.length - fenced, fenced };
  });
  page.gauge('yak_coordinator_topics', 'Topics.', () => coordinator.image.topicsById.size);
  page.labelled('yak_coordinator_partitions', 'Partitions with and without a leader.', 'state', () => {
    const leaderless = coordinator.report().leaderlessPartitions;
    let total = 0;
    for (const _partition of coordinator.image.allPartitions()) total++;
    return { led: total - leaderless, leaderless };
  });
  page.gauge('yak_coordinator_connections', 'Open connections on the Nest TCP door.', connectionCount);
  page.gauge(
    'yak_coordinator_event_loop_delay_worst_seconds',
    'Worst event loop delay of the last ten seconds.',
    () => loopDelay.report.worstMs / 1_000,
  );
  return page;
}
