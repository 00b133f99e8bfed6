/**
 * What a broker answers to Kubernetes and to people who look: pure functions of its report. Live: the event loop turns (it
 * answered) and storage is not wedged. Ready: registered, recovered, in sync. Started: recovery is over. A coordinator that
 * is away makes a broker `degraded`, never dead or unready (R21): restarting it would help nobody.
 */
import type { BrokerReport } from '#broker-core';

export interface Probe {
  readonly ok: boolean;
  /** Why not; empty when ok. */
  readonly reasons: readonly string[];
}

export function liveness(report: BrokerReport): Probe {
  const reasons: string[] = [];
  if (report.isStorageWedged) reasons.push(`storage is wedged: the oldest sync runs for ${Math.round(report.oldestSyncAgeMs)} ms`);
  if (report.state === 'failed') reasons.push(`failed: ${report.failure ?? 'the log has the reason'}`);
  return probe(reasons);
}

export function readiness(report: BrokerReport): Probe {
  const reasons = [...liveness(report).reasons];
  if (report.state === 'recovering') reasons.push(recovering(report));
  else if (report.state === 'registering') reasons.push('not registered at a cluster coordinator');
  else if (report.state === 'fenced') reasons.push('fenced: not caught up with the cluster metadata, or silent for a session');
  else if (report.state === 'stopping') reasons.push('stopping');
  if (report.partitions.outOfSync > 0) reasons.push(`${report.partitions.outOfSync} replicas are not in sync`);
  if (report.partitions.offline > 0) reasons.push(`${report.partitions.offline} replicas are offline`);
  return probe(reasons);
}

export function startup(report: BrokerReport): Probe {
  const isRecovering = report.state === 'recovering';
  return probe(isRecovering ? [recovering(report)] : liveness(report).reasons);
}

/** Both figures, because one large partition may keep the first one still for long. */
function recovering({ recovery: { done, total, bytesRead } }: BrokerReport): string {
  return `recovering: ${done} of ${total} partitions, ${(bytesRead / 2 ** 20).toFixed(0)} MiB looked through`;
}

function probe(reasons: readonly string[]): Probe {
  return { ok: reasons.length === 0, reasons };
}
