/** `yak coordinator`: the cluster coordinator in the foreground, and what `yak up` and container images run. */
import 'reflect-metadata';
import { COORDINATOR_FLAGS, describeFlags } from '#config';
import { runServerProcess } from '../../shared/process/server-process.js';
import { CoordinatorProcess } from './coordinator-process.js';

const help = `Usage: yak coordinator [options]

Runs the cluster coordinator in the foreground. Brokers go on serving while it is away.

${describeFlags(COORDINATOR_FLAGS)}
  --json              log as JSON lines
  --log-level LEVEL   debug, info (default), warn, error`;

void runServerProcess({ name: 'coordinator', help, create: (argv) => CoordinatorProcess.create(argv) });
