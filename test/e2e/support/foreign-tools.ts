/** Programs of others that tests run where they are installed. Tests without them are skipped, and say so in one line. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isInstalled, start } from './commands.js';
import { ROOT } from './local-cluster.js';

/** A script that runs Apache Kafka's own command-line tools, unmodified: `$KAFKA_TOOLS TOOL ARGS…`. */
export const KAFKA_TOOLS = process.env['KAFKA_TOOLS'] ?? resolve(ROOT, 'tools', 'kafka', 'kafka');

export async function hasKafkaTools(): Promise<boolean> {
  if (existsSync(KAFKA_TOOLS) && (await isInstalled('java')) && (await isInstalled('mvn'))) {
    if ((await start(KAFKA_TOOLS, ['install']).done).code === 0) return true;
  }
  console.log("skipped: Apache Kafka's tools are not here (tools/kafka/kafka fetches and runs them; a JDK and Maven are needed)");
  return false;
}

export async function isKcatHere(): Promise<boolean> {
  if (await isInstalled('kcat')) return true;
  console.log('skipped: kcat is not installed (Debian package kcat)');
  return false;
}
