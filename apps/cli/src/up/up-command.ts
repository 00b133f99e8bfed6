/**
 * `yak up` (what `npm start` runs): cluster coordinators and brokers as processes of this machine, watched until Ctrl-C.
 * Everything that can be decided without a process is in cluster-plan.ts, supervisor.ts and report.ts.
 */
import { resolve } from 'node:path';
import { type MetadataStoreOptions, parseBrokerOptions, parseCoordinatorOptions, UsageError } from '#config';
import { YakError } from '#kernel';
import { NodeClock, NodeDisk, NodeScheduler } from '#seams-node';
import { EXIT, type ExitCode } from '../../../shared/command/exit-codes.js';
import { type ProcessPlan, planCluster, type UpOptions } from './cluster-plan.js';
import { nodeProcessStarter } from './node-process.js';
import { jsonEvent, readableEvent } from './report.js';
import { checkPorts, claimDataFolder } from './start-checks.js';
import { checkMetadataStore } from './store-check.js';
import { Supervisor, type SupervisorEvent } from './supervisor.js';
import type { UpCommandOptions } from './up-options.js';

export async function up(command: UpCommandOptions): Promise<ExitCode> {
  const options: UpOptions = {
    ...command,
    metadata: command.metadata ?? null,
    data: resolve(command.data),
    advertisedHost: command.advertisedHost ?? null,
    configPath: command.config === undefined ? null : resolve(command.config),
    settings: command.set,
  };
  const disk = new NodeDisk();
  const store = sharedStore(options, disk);
  const plan = planCluster(options);
  refuseWrongConfigs(plan.processes, disk);
  await claimDataFolder(plan.data, disk);
  await checkPorts(plan);
  if (store !== null) await checkMetadataStore(store, plan.data, (text) => process.stderr.write(`yak: ${text}\n`));

  const print = (event: SupervisorEvent) => {
    const line = command.json ? jsonText(jsonEvent(event, plan)) : readableEvent(event, plan);
    if (line !== null) process.stdout.write(`${line}\n`);
  };
  const seams = { clock: new NodeClock(), scheduler: new NodeScheduler(), start: nodeProcessStarter(plan.logs) };
  const supervisor = new Supervisor(plan.processes, { restart: command.restart, onEvent: print }, seams);
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

/** As the coordinators will see it, from flag, environment or file; null: the metadata stays in the data folder. */
function sharedStore(options: UpOptions, disk: NodeDisk): MetadataStoreOptions | null {
  const args = [
    ...(options.configPath === null ? [] : ['--config', options.configPath]),
    ...options.settings.flatMap((setting) => ['--set', setting]),
    ...(options.metadata === null ? [] : ['--metadata', options.metadata]),
  ];
  const { metadata } = parseCoordinatorOptions(args, process.env, disk);
  if (metadata === null && options.coordinators > 1) {
    throw new UsageError(
      `--coordinators ${options.coordinators} needs a store that they share: --metadata redis://localhost:6379, or YAK_METADATA_URL`,
    );
  }
  return metadata;
}

/** Each process would refuse them itself, one log line each; here it is one sentence before anything has begun. */
function refuseWrongConfigs(processes: readonly ProcessPlan[], disk: NodeDisk): void {
  for (const { app, args, environment } of processes) {
    const variables = { ...process.env, ...environment };
    if (app === 'broker') parseBrokerOptions(args, variables, disk);
    else parseCoordinatorOptions(args, variables, disk);
  }
}

function jsonText(event: object | null): string | null {
  return event === null ? null : JSON.stringify(event);
}
