/**
 * `yak up` (what `npm start` runs): one cluster coordinator and N brokers as processes of this machine, watched until
 * Ctrl-C. Everything that can be decided without a process is in cluster-plan.ts, supervisor.ts and report.ts.
 */
import { resolve } from 'node:path';
import { parseBrokerOptions, parseCoordinatorOptions } from '#config';
import { YakError } from '#kernel';
import { NodeClock, NodeDisk, NodeScheduler } from '#seams-node';
import { EXIT, type ExitCode } from '../../../shared/command/exit-codes.js';
import { type ProcessPlan, planCluster } from './cluster-plan.js';
import { nodeProcessStarter } from './node-process.js';
import { jsonEvent, readableEvent } from './report.js';
import { checkPorts, claimDataFolder } from './start-checks.js';
import { Supervisor, type SupervisorEvent } from './supervisor.js';
import type { UpCommandOptions } from './up-options.js';

export async function up(options: UpCommandOptions): Promise<ExitCode> {
  const plan = planCluster({
    ...options,
    data: resolve(options.data),
    advertisedHost: options.advertisedHost ?? null,
    configPath: options.config === undefined ? null : resolve(options.config),
    settings: options.set,
  });
  const disk = new NodeDisk();
  refuseWrongConfigs(plan.processes, disk);
  await claimDataFolder(plan.data, disk);
  await checkPorts(plan);

  const print = (event: SupervisorEvent) => {
    const line = options.json ? jsonText(jsonEvent(event, plan)) : readableEvent(event, plan);
    if (line !== null) process.stdout.write(`${line}\n`);
  };
  const seams = { clock: new NodeClock(), scheduler: new NodeScheduler(), start: nodeProcessStarter(plan.logs) };
  const supervisor = new Supervisor(plan.processes, { restart: options.restart, onEvent: print }, seams);
  // The terminal may go away before the processes do; they still have to be stopped in order.
  process.stdout.on('error', () => {});
  let isAskedToStop = false;
  const stop = () => {
    if (isAskedToStop) supervisor.killEverything();
    isAskedToStop = true;
    supervisor.stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  supervisor.start();

  const outcome = await supervisor.outcome;
  if (outcome.kind === 'failed') throw new YakError('CANNOT_START', `${outcome.message} (logs: ${plan.logs})`);
  return outcome.killed.length === 0 ? EXIT.OK : EXIT.PARTIAL;
}

/** Each process would refuse them itself, one log line each; here it is one sentence before anything has begun. */
function refuseWrongConfigs(processes: readonly ProcessPlan[], disk: NodeDisk): void {
  for (const { app, args } of processes) {
    if (app === 'broker') parseBrokerOptions(args, process.env, disk);
    else parseCoordinatorOptions(args, process.env, disk);
  }
}

function jsonText(event: object | null): string | null {
  return event === null ? null : JSON.stringify(event);
}
