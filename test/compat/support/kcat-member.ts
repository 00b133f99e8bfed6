/** kcat (librdkafka) as a member of a group: what it was assigned and what it read. */
import type { LocalCluster } from '../../e2e/support/local-cluster.js';
import { ClientProcess } from './client-process.js';

export class KcatMember extends ClientProcess {
  constructor(cluster: LocalCluster, name: string, groupId: string, topic: string, settings: readonly string[] = []) {
    const all = [
      'auto.offset.reset=earliest',
      'auto.commit.interval.ms=200',
      'session.timeout.ms=3000',
      'heartbeat.interval.ms=300',
      'topic.metadata.refresh.interval.ms=1000',
      `client.id=${name}`,
      ...settings,
    ];
    super(`kcat ${name}`, 'kcat', [
      '-b',
      cluster.kafka,
      '-u',
      '-f',
      '%p %o %s\\n',
      ...all.flatMap((one) => ['-X', one]),
      '-G',
      groupId,
      topic,
    ]);
  }

  /** Of its last assignment, sorted; empty before the first and after the last. */
  get partitions(): number[] {
    const last = this.errorLines.filter((line) => /rebalanced .*: (assigned|revoked)/.test(line)).at(-1) ?? '';
    if (!/: assigned/.test(last)) return [];
    return [...last.matchAll(/\[(\d+)\]/g)].map(([, partition]) => Number(partition)).sort((a, b) => a - b);
  }

  get values(): string[] {
    return this.lines.map((line) => line.split(' ')[2]!);
  }
}
