/** A person has a leader elected: the preferred replica again, or, giving up what it does not hold, whoever holds most of those that are up. */
import type { Client } from '#client';
import { UsageError } from '#config';
import { KafkaError } from '#kernel';
import type { ElectLeaderResponse } from '#rpc';
import { EXIT, type ExitCode } from '../../../shared/command/exit-codes.js';
import type { ElectOptions } from './topic-command.js';

export async function electLeader(
  client: Pick<Client, 'admin'>,
  topic: string,
  partition: number,
  options: Pick<ElectOptions, 'unclean' | 'yes' | 'json'>,
  print: (line: string) => void,
): Promise<ExitCode> {
  const kind = options.unclean ? 'unclean' : 'preferred';
  const where = `${topic}-${partition}`;
  const show = (answer: ElectLeaderResponse, elected: boolean) => {
    const { error: _, message: __, ...rest } = answer;
    print(JSON.stringify({ topic, partition, kind, ...rest, elected }));
  };
  if (kind === 'unclean') {
    const plan = checked(await client.admin.electLeader({ topic, partition, kind, validateOnly: true }), where);
    if (!options.json) print(warning(plan, where));
    if (!options.yes) {
      if (options.json) show(plan, false);
      throw new UsageError('nothing was done; --yes elects');
    }
  }
  const answer = checked(await client.admin.electLeader({ topic, partition, kind }), where);
  if (options.json) show(answer, true);
  else print(`${where}: broker ${answer.leader} leads, epoch ${answer.leaderEpoch}, in sync ${answer.isr.join(', ')}`);
  return EXIT.OK;
}

function checked(answer: ElectLeaderResponse, where: string): ElectLeaderResponse {
  if (answer.error === 'NONE') return answer;
  throw new KafkaError(answer.error, `no leader was elected for ${where}: ${answer.message ?? answer.error}`);
}

function warning({ leader, waitsFor }: ElectLeaderResponse, where: string): string {
  return [
    `${where} has no leader: it waits for ${waitsFor ?? 'nothing'}`,
    `WARNING: an unclean election makes broker ${leader} the leader as it is. Acknowledged records that it does not hold are lost for good,`,
    'replicas that hold them cut them off, and the partition is marked possibleLoss. If one of those that were in sync can come back, start it instead.',
  ].join('\n');
}
