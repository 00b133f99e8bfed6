/** What the cluster says about itself. */
import type { LeaderChange } from '#client';
import { KafkaError } from '#kernel';
import type { TopicMetadata } from '#rpc';
import type { ConnectionOptions } from '../../../shared/command/connection-options.js';
import { EXIT, type ExitCode, signalExitCode } from '../../../shared/command/exit-codes.js';
import { PartialError } from '../../../shared/command/failure.js';
import { formatTable } from '../../../shared/command/figures.js';
import { withClient } from '../../../shared/command/open-client.js';
import { onStopSignal } from '../../../shared/command/signals.js';
import type { LeadersOptions } from './cluster-command.js';
import { clusterText } from './cluster-text.js';

const CLIENT_ID = 'yak-cluster';

export async function describeCluster(options: ConnectionOptions): Promise<ExitCode> {
  return withClient(options, CLIENT_ID, async (client) => {
    const cluster = await client.admin.describeCluster();
    print(options.json ? JSON.stringify(cluster) : clusterText(cluster, Date.now()));
    return EXIT.OK;
  });
}

export async function showLeaders(topics: readonly string[], options: LeadersOptions): Promise<ExitCode> {
  return withClient(options, CLIENT_ID, async (client) => {
    const wanted = topics.length === 0 ? null : topics;
    if (!options.watch) {
      const { topics: answers } = await client.admin.metadata(wanted);
      const found = answers.filter((one) => one.error === 'NONE');
      const leaders = found.flatMap((topic) =>
        topic.partitions.map(({ partition, leader, leaderEpoch, isr }) => ({ topic: topic.name, partition, leader, leaderEpoch, isr })),
      );
      if (options.json || found.length > 0 || wanted === null) print(options.json ? JSON.stringify(leaders) : leadersTable(leaders));
      return concludeMissing(answers);
    }
    let signal: NodeJS.Signals | null = null;
    const removeHandler = onStopSignal((received) => {
      signal = received;
      void client.close();
    });
    process.stdout.on('error', () => void client.close());
    try {
      for await (const changes of client.admin.watchLeaders(wanted)) {
        for (const change of changes) print(options.json ? jsonChange(change) : readableChange(change));
      }
    } catch (error) {
      if (signal === null) throw error;
    } finally {
      removeHandler();
    }
    return signal === null ? EXIT.OK : signalExitCode(signal);
  });
}

/** Throws unless every topic that was asked for is there. */
function concludeMissing(topics: readonly TopicMetadata[]): ExitCode {
  const missing = topics.filter((one) => one.error !== 'NONE');
  if (missing.length === 0) return EXIT.OK;
  const sentence = missing.map(({ name, error, message }) => {
    return error === 'UNKNOWN_TOPIC_OR_PARTITION' ? `topic ${name} does not exist` : `topic ${name}: ${message ?? error}`;
  });
  throw missing.length === topics.length ? new KafkaError(missing[0]!.error, sentence.join('; ')) : new PartialError(sentence.join('; '));
}

function leadersTable(
  leaders: readonly { topic: string; partition: number; leader: number; leaderEpoch: number; isr: readonly number[] }[],
): string {
  const rows = leaders.map((one) => [
    one.topic,
    String(one.partition),
    one.leader < 0 ? 'none' : String(one.leader),
    String(one.leaderEpoch),
    one.isr.join(','),
  ]);
  return formatTable([['topic', 'partition', 'leader', 'epoch', 'in sync'], ...rows]);
}

/** The first four fields are those of the `leader` event of `yak up --json`. */
function jsonChange(change: LeaderChange): string {
  const { topic, partition, leader, leaderEpoch, previousLeader, inSyncReplicas } = change;
  return JSON.stringify({ event: 'leader', topic, partition, leader, leaderEpoch, previousLeader, isr: inSyncReplicas });
}

function readableChange(change: LeaderChange): string {
  const who = change.leader < 0 ? 'no leader' : `broker ${change.leader}`;
  const before =
    change.previousLeader === null ? '' : `, before: ${change.previousLeader < 0 ? 'none' : `broker ${change.previousLeader}`}`;
  return `${change.topic}-${change.partition}: ${who} (epoch ${change.leaderEpoch}, in sync ${change.inSyncReplicas.join(',') || 'none'})${before}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
