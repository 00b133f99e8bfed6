/**
 * Offsets asked at the leaders (ListOffsets), following these as they move. Used for the start positions of a consumer and by
 * the admin client. Repeats with growing pauses until every partition is answered or the caller gives up.
 */
import type { KafkaErrorName } from '#kernel';
import { KafkaError, NO_BROKER, RETRIABLE_ERRORS, YakError } from '#kernel';
import type { ListOffsetsResponse } from '#rpc';
import type { ClientCore } from './client-core.js';
import { clientClosed } from './connection-pool.js';
import { ATTEMPT_TIMEOUT_MS } from './options.js';

export const LATEST_TIMESTAMP = -1;
export const EARLIEST_TIMESTAMP = -2;
export const MAX_TIMESTAMP = -3;

export interface OffsetQuestion {
  readonly topic: string;
  readonly partition: number;
  readonly timestamp: number;
}
export type OffsetAnswer = ListOffsetsResponse['partitions'][number];

/**
 * In the order of the questions. An answer whose error is not retriable is an answer; retriable ones are asked again as long
 * as `mayGoOn()`, then they are the answer too. Rejects with CLIENT_CLOSED when `isAbandoned()`.
 */
export async function lookUpOffsets(
  core: ClientCore,
  questions: readonly OffsetQuestion[],
  mayGoOn: () => boolean,
  isAbandoned: () => boolean,
): Promise<OffsetAnswer[]> {
  const answers: OffsetAnswer[] = questions.map((question) => failed(question, 'LEADER_NOT_AVAILABLE', 'not asked yet'));
  let open = questions.map((_, index) => index);
  for (let attempt = 1; ; attempt++) {
    await askLeaders(core, questions, open, answers);
    open = open.filter((index) => RETRIABLE_ERRORS.has(answers[index]!.error));
    if (isAbandoned()) throw clientClosed();
    if (open.length === 0 || !mayGoOn()) return answers;
    await core.pauseAfter(attempt);
    if (isAbandoned()) throw clientClosed();
    await core.follower.fetch([...new Set(open.map((index) => questions[index]!.topic))]).catch(() => {});
  }
}

async function askLeaders(
  core: ClientCore,
  questions: readonly OffsetQuestion[],
  open: readonly number[],
  answers: OffsetAnswer[],
): Promise<void> {
  const byLeader = new Map<number, number[]>();
  for (const index of open) {
    const { topic, partition } = questions[index]!;
    const { leader } = core.metadata.leaderOf(topic, partition);
    if (leader === NO_BROKER) answers[index] = failed(questions[index]!, 'LEADER_NOT_AVAILABLE', 'no leader is known');
    else byLeader.set(leader, [...(byLeader.get(leader) ?? []), index]);
  }
  await Promise.all([...byLeader].map(([leader, indexes]) => askLeader(core, leader, indexes, questions, answers)));
}

async function askLeader(
  core: ClientCore,
  leader: number,
  indexes: readonly number[],
  questions: readonly OffsetQuestion[],
  answers: OffsetAnswer[],
): Promise<void> {
  const address = core.metadata.addressOf(leader);
  try {
    if (address === null) throw new YakError('UNAVAILABLE', `the address of broker ${leader} is not known`);
    const client = await core.pool.get(address, 'metadata');
    const response = await client.request(
      'listOffsets',
      { partitions: indexes.map((index) => questions[index]!) },
      { timeoutMs: ATTEMPT_TIMEOUT_MS },
    );
    indexes.forEach((index, place) => {
      const answer = response.partitions[place];
      answers[index] = answer ?? failed(questions[index]!, 'UNKNOWN_SERVER_ERROR', 'the broker left the partition out of its answer');
    });
  } catch (error) {
    if (address !== null && error instanceof YakError && error.code === 'REQUEST_TIMEOUT') core.pool.drop(address, 'metadata');
    for (const index of indexes) answers[index] = failed(questions[index]!, 'NETWORK_EXCEPTION', (error as Error).message);
  }
}

function failed({ topic, partition }: OffsetQuestion, error: KafkaErrorName, message: string): OffsetAnswer {
  return { topic, partition, error, message, offset: -1, timestamp: -1, leaderEpoch: -1 };
}

export function offsetError(answer: OffsetAnswer): KafkaError {
  return new KafkaError(
    answer.error,
    `${answer.topic}-${answer.partition}: ${answer.error}${answer.message ? ` (${answer.message})` : ''}`,
  );
}
