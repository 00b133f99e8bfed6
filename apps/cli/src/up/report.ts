/**
 * What `yak up` prints: a readable line per event and one block when everything serves, or with `--json` one JSON object a
 * line. The JSON shapes are a promise to scripts (docs/cli.md): fields may be added, none changes or goes.
 */
import type { CoordinatorRole } from '#config';
import { isInternalTopic } from '#kernel';
import type { ClusterPlan } from './cluster-plan.js';
import type { ServingProcess, SupervisorEvent } from './supervisor.js';

/** Null for events that `--json` does not have. */
export function jsonEvent(event: SupervisorEvent, plan: ClusterPlan): object | null {
  switch (event.kind) {
    case 'ready':
      return readyEvent(event, plan);
    case 'started':
    case 'serving':
      return { event: event.kind, app: event.plan.app, id: event.plan.id, pid: event.pid };
    case 'exited': {
      const end = event.signal === null ? { code: event.code } : { signal: event.signal };
      return { event: 'exited', app: event.plan.app, id: event.plan.id, pid: event.pid, ...end };
    }
    case 'leader':
      return { event: 'leader', topic: event.topic, partition: event.partition, leader: event.leader, leaderEpoch: event.leaderEpoch };
    case 'complaint':
      return { event: 'complaint', app: event.plan.app, id: event.plan.id, message: event.message };
    case 'state': {
      const { plan: of, state, coordinatorEpoch, reason } = event;
      return { event: 'state', app: of.app, id: of.id, state, coordinatorEpoch, reason };
    }
    case 'stopping':
      return { event: 'stopping' };
    case 'restart':
    case 'killed':
      return null;
  }
}

function readyEvent(event: Extract<SupervisorEvent, { kind: 'ready' }>, plan: ClusterPlan): object {
  const of = (app: string) => event.processes.filter((one) => one.app === app);
  return {
    event: 'ready',
    clusterId: event.clusterId,
    data: plan.data,
    coordinators: of('coordinator').map(({ id, pid, tcp, http, state }) => ({ id, pid, tcp, http, state })),
    brokers: of('broker').map(({ id, pid, tcp, kafka, http }) => ({ id, pid, tcp, kafka, http })),
  };
}

/** One line, or the block of several; null for what a person need not see. */
export function readableEvent(event: SupervisorEvent, plan: ClusterPlan): string | null {
  switch (event.kind) {
    case 'started':
      return `${event.plan.name} started (pid ${event.pid})`;
    case 'serving':
      return `${event.plan.name} serves`;
    case 'ready':
      return readyBlock(event, plan);
    case 'exited':
      return `${event.plan.name} (pid ${event.pid}) ended${event.signal === null ? `, exit code ${event.code}` : ` by ${event.signal}`}`;
    case 'restart':
      return event.inMs === null
        ? `${event.plan.name} stays dead (--no-restart)`
        : `${event.plan.name} starts again in ${event.inMs / 1000} s`;
    case 'leader':
      if (isInternalTopic(event.topic)) return null;
      return `${event.topic}-${event.partition}: ${event.leader < 0 ? 'no leader' : `broker ${event.leader} leads`} (epoch ${event.leaderEpoch})`;
    case 'complaint':
      return `${event.plan.name}: ${event.message}`;
    case 'state':
      return `${event.plan.name} ${stateText(event)}`;
    case 'stopping':
      return 'stopping: brokers first, coordinators last';
    case 'killed':
      return `${event.plan.name} did not stop in time and was killed; it recovers at the next start`;
  }
}

function readyBlock(event: Extract<SupervisorEvent, { kind: 'ready' }>, plan: ClusterPlan): string {
  const width = Math.max(...event.processes.map((one) => nameOf(one).length));
  const hasStandby = event.processes.some((one) => one.state === 'standby');
  const bootstrap = plan.isDefaultBootstrap ? '' : ` --bootstrap ${plan.bootstrap}`;
  return [
    '',
    `YaK is ready after ${(event.tookMs / 1000).toFixed(1)} s, cluster ${event.clusterId}`,
    ...event.processes.map((one) => {
      const kafka = one.kafka === null ? '' : `kafka ${one.kafka}  `;
      return `  ${nameOf(one).padEnd(width)}  ${kafka}tcp ${one.tcp}  http ${one.http}  pid ${one.pid}${one.state === null || !hasStandby ? '' : `  ${ROLES[one.state]}`}`;
    }),
    `  data ${plan.data}, logs ${plan.logs}`,
    'Try next, in other terminals:',
    `  npx yak produce hello${bootstrap}`,
    `  npx yak consume hello --from-beginning${bootstrap}`,
    'Ctrl-C stops everything.',
    '',
  ].join('\n');
}

const ROLES: Readonly<Record<CoordinatorRole, string>> = {
  active: 'acts',
  standby: 'stands by',
  bootstrapping: 'waits for the brokers of a new cluster',
  collecting: "collects the brokers' copies of the metadata",
  inactive: 'does not act',
};

function stateText({ state, coordinatorEpoch, reason }: Extract<SupervisorEvent, { kind: 'state' }>): string {
  if (state === 'active') return `acts (coordinator epoch ${coordinatorEpoch})`;
  return reason === null || state === 'bootstrapping' ? ROLES[state] : `${ROLES[state]}: ${reason}`;
}

function nameOf(one: ServingProcess): string {
  return `${one.app} ${one.id}`;
}
