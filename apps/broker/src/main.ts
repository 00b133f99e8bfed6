/** `yak broker`: one broker in the foreground, and what `yak up` and container images run. */
import 'reflect-metadata';
import { BROKER_FLAGS, describeFlags } from '#config';
import { runServerProcess } from '../../shared/process/server-process.js';
import { BrokerProcess } from './broker-process.js';

const help = `Usage: yak broker [options]

Runs one broker in the foreground; a signal stops it after it handed its leaders over.

${describeFlags(BROKER_FLAGS)}
  --json              log as JSON lines
  --log-level LEVEL   debug, info (default), warn, error`;

void runServerProcess({ name: 'broker', help, create: (argv) => BrokerProcess.create(argv) });
