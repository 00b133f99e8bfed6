/** What all measurements share: a client, figures of processes, and how a figure is printed. */
import { readFileSync } from 'node:fs';
import { YakClient } from '#client';
import type { LocalCluster } from '../test/e2e/support/local-cluster.js';
import { seams } from '../test/e2e/support/seams.js';

export function newClient(cluster: LocalCluster): YakClient {
  return new YakClient({ bootstrap: cluster.bootstrap }, seams);
}

/** `share` of the values are not above it: 0.5 is the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function row(name: string, value: string): void {
  console.log(`${name.padEnd(64)} ${value}`);
}

export function residentMiB(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) / 1024;
}

export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
