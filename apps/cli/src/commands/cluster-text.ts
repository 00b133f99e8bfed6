/** What `yak cluster` prints: who acts, who stands by, where the metadata is, and one row per broker. */
import type { DescribeClusterResponse } from '#rpc';
import { formatAddress } from '#seams';
import { formatTable } from '../../../shared/command/figures.js';
import { formatDuration } from '../../../shared/command/moments.js';

/** `nowMs`: the wall clock of who reads it; a broker's clock may be ahead of it. */
export function clusterText({ clusterId, revision, coordinator, brokers }: DescribeClusterResponse, nowMs: number): string {
  const suspect = coordinator.isSuspect ? ', SUSPECT' : '';
  const standbys = coordinator.standbys?.map((one) => `${one.id}  tcp ${formatAddress(one)}`);
  const rows = brokers.map((one) => [
    `  ${one.id}`,
    one.isIntact ? one.state : `${one.state}, not intact`,
    String(one.brokerEpoch),
    one.kafka,
    one.tcp,
    one.http,
    one.rack ?? '-',
    one.lastHeartbeatAgeMs === null ? '?' : ago(one.lastHeartbeatAgeMs),
    probedText(one.lastProbeWallMs, nowMs),
    one.software,
  ]);
  return [
    `cluster ${clusterId}, metadata revision ${revision}`,
    `coordinator ${coordinator.id}  tcp ${formatAddress(coordinator)}  epoch ${coordinator.coordinatorEpoch}`,
    ...(standbys === undefined ? [] : [`standby     ${standbys.join(', ') || 'none'}`]),
    `store       ${coordinator.store}${suspect}`,
    formatTable([['  broker', 'state', 'epoch', 'kafka', 'tcp', 'http', 'rack', 'heartbeat', 'probed', 'software'], ...rows]),
  ].join('\n');
}

/** When somebody, in Kubernetes the kubelet, last asked it whether it lives. */
function probedText(lastProbeWallMs: number | undefined, nowMs: number): string {
  if (lastProbeWallMs === undefined) return '?';
  return lastProbeWallMs === 0 ? 'never' : ago(Math.max(0, nowMs - lastProbeWallMs));
}

function ago(ageMs: number): string {
  return `${formatDuration(ageMs)} ago`;
}
