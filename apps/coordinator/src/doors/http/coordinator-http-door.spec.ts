import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import type { CoordinatorReport } from '#coordinator-core';
import { MetadataImage } from '#metadata';
import { silentLogger } from '#seams';
import { LoopDelay } from '../../../../shared/http-door/index.js';
import { coordinatorMetrics, openCoordinatorHttpDoor, type ShownCoordinator } from './coordinator-http-door.js';

const REPORT: CoordinatorReport = {
  state: 'active',
  reason: null,
  clusterId: 'c',
  coordinatorEpoch: 3,
  revision: 7,
  isSuspect: false,
  actor: { id: 0, host: 'coordinator-0', port: 3180 },
  standbys: [{ id: 1, host: 'coordinator-1', port: 3180 }],
  storeAnsweredAgeMs: 120,
  loopDelayMs: 0,
  brokers: [],
  leaderlessPartitions: 0,
  askedPartitions: 0,
};

function shown(report: () => CoordinatorReport): ShownCoordinator {
  return { report, leaders: () => [], onLeaderChange: () => () => {}, image: MetadataImage.empty(), handlers: {} };
}

function ask(port: number, path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers: { host: `127.0.0.1:${port}` } }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode!, body: JSON.parse(text) as Record<string, unknown> }));
    }).on('error', reject);
  });
}

it('probes: alive whatever happens outside, ready while it does its part, started once and for all', async () => {
  let report = REPORT;
  const options = { address: { host: '127.0.0.1', port: 0 }, hostNames: ['127.0.0.1'], logger: silentLogger, storeTimeoutMs: 1_500 };
  const door = await openCoordinatorHttpDoor(
    options,
    shown(() => report),
    () => 0,
  );
  const seen = async (change: Partial<CoordinatorReport>) => {
    report = { ...REPORT, ...change };
    const [live, ready, started] = await Promise.all(['/livez', '/readyz', '/startupz'].map((path) => ask(door.address.port, path)));
    return { live: live!.status, ready: ready!.status, started: started!.status, reasons: ready!.body['reasons'] };
  };
  try {
    expect(await seen({ state: 'stopped' })).toMatchObject({ live: 200, ready: 503, started: 503 });
    expect(await seen({ state: 'starting' })).toMatchObject({ live: 200, ready: 503, started: 503, reasons: ['starting'] });
    expect(await seen({ state: 'inactive', reason: 'redis r:6379: not connected' })).toEqual({
      live: 200,
      ready: 503,
      started: 200,
      reasons: ['inactive: redis r:6379: not connected'],
    });
    expect(await seen({ state: 'starting' })).toMatchObject({ ready: 503, started: 200 });
    for (const state of ['active', 'standby', 'bootstrapping', 'collecting'] as const) {
      expect(await seen({ state, reason: 'waits' })).toEqual({ live: 200, ready: 200, started: 200, reasons: [] });
      expect(await seen({ state, storeAnsweredAgeMs: null })).toMatchObject({ ready: 200 });
      expect(await seen({ state, storeAnsweredAgeMs: 1_501 })).toEqual({
        live: 200,
        ready: 503,
        started: 200,
        reasons: ['the metadata store has not answered for 1501 ms; brokers serve on, nothing is decided'],
      });
    }
    report = { ...REPORT, state: 'standby', actor: { id: 1, host: 'other', port: 3180 } };
    expect((await ask(door.address.port, '/v1/cluster')).body).toMatchObject({
      state: 'standby',
      actor: { id: 1, host: 'other' },
      standbys: [{ id: 1 }],
      storeAnsweredAgeMs: 120,
    });
  } finally {
    await door.close();
  }
});

it('docs/metrics.md lists every metric, and who stands by is one of them', async () => {
  let report: CoordinatorReport = { ...REPORT, state: 'standby', standbys: [] };
  const metrics = coordinatorMetrics(
    shown(() => report),
    () => 0,
    new LoopDelay(),
  );
  const page = readFileSync('docs/metrics.md', 'utf8');
  for (const name of metrics.names().filter((one) => one.startsWith('yak_'))) expect(page).toContain(`\`${name}\``);
  const samples = async () => String((await metrics.answer()).body).split('\n');
  expect(await samples()).toEqual(
    expect.arrayContaining([
      'yak_coordinator_active 0',
      'yak_coordinator_standby 1',
      'yak_coordinator_standbys 0',
      'yak_coordinator_store_answer_age_seconds 0.12',
    ]),
  );
  report = { ...REPORT, storeAnsweredAgeMs: null };
  const embedded = await samples();
  expect(embedded).toEqual(expect.arrayContaining(['yak_coordinator_active 1', 'yak_coordinator_standby 0', 'yak_coordinator_standbys 1']));
  expect(embedded.some((line) => line.startsWith('yak_coordinator_store_answer_age_seconds '))).toBe(false);
});
