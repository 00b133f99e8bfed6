/**
 * Prints records as they arrive, at the pace of whoever reads the output: while a write waits, nothing more is taken from
 * the consumer, and it fetches no more than its buffer holds.
 */
import type { Client, ConsumedRecord, StartPosition } from '#client';
import { UsageError } from '#config';
import { KafkaError, topicNameProblem } from '#kernel';
import { EXIT, type ExitCode, signalExitCode } from '../../shared/command/exit-codes.js';
import { withClient } from '../../shared/command/open-client.js';
import { onStopSignal } from '../../shared/command/signals.js';
import type { ConsumeOptions } from './consume-command.js';
import { consumeAsMember, groupMember } from './consume-group.js';
import { type Formatter, parseFormat } from './format.js';
import { Output } from './output.js';
import { parseStartPosition } from './start-position.js';

const TOPIC_POLL_MS = 500;

export async function consume(topics: readonly string[], options: ConsumeOptions): Promise<ExitCode> {
  for (const topic of topics) {
    const problem = topicNameProblem(topic);
    if (problem !== null) throw new UsageError(problem);
  }
  if (options.json && options.format !== undefined && options.format !== 'json')
    throw new UsageError('--json and --format exclude each other');
  const format = parseFormat(options.format ?? (options.json ? 'json' : 'value'));
  const member = groupMember(topics, options);
  const from = member === null ? startOf(topics, options) : 'earliest';
  const left = options.maxMessages ?? Number.POSITIVE_INFINITY;
  if (left === 0) return EXIT.OK;

  const output = new Output(process.stdout);
  return withClient(options, 'yak-consume', async (client) => {
    let signal: NodeJS.Signals | null = null;
    let stop = () => {};
    const removeHandler = onStopSignal((received) => {
      signal = received;
      stop();
    });
    process.stdout.on('error', () => stop());
    if (member !== null) {
      const stopped = new Promise<void>((resolve) => {
        stop = resolve;
      });
      await consumeAsMember(client, member, { format, output, left, stopped, warn: (line) => process.stderr.write(`${line}\n`) });
    } else if (await topicIsThere(client, topics[0]!, options, () => signal !== null || output.isGone)) {
      const consumer = client.consumer({
        topic: topics[0]!,
        from,
        exitAtEnd: options.exitAtEnd ?? false,
        ...(options.partition === undefined ? {} : { partitions: [options.partition] }),
      });
      stop = () => void consumer.close();
      await print(consumer, format, output, left, () => signal !== null);
      await consumer.close();
    }
    removeHandler();
    return signal === null ? EXIT.OK : signalExitCode(signal);
  });
}

async function print(
  batches: AsyncIterable<readonly ConsumedRecord[]>,
  format: Formatter,
  output: Output,
  left: number,
  isInterrupted: () => boolean,
): Promise<void> {
  for await (const batch of batches) {
    const records = batch.length <= left ? batch : batch.slice(0, left);
    await output.write(format(records));
    left -= records.length;
    if (left <= 0 || output.isGone || isInterrupted()) return;
  }
}

function startOf(topics: readonly string[], options: ConsumeOptions): StartPosition {
  if (topics.length > 1) throw new UsageError(`${topics.length} topics: without --group it prints one; --group NAME reads several`);
  if (options.offset === undefined) return options.fromBeginning ? 'earliest' : 'latest';
  if (options.fromBeginning && options.offset !== 'earliest') throw new UsageError('--from-beginning and --offset exclude each other');
  return parseStartPosition(options.offset);
}

/** A topic that is not there yet is waited for, with a word about it, unless the end is asked for: then it is an error. False: stopped. */
async function topicIsThere(client: Client, topic: string, options: ConsumeOptions, isStopped: () => boolean): Promise<boolean> {
  for (let isToldOnce = false; !isStopped(); isToldOnce = true) {
    const [found] = await client.admin.describeTopics([topic]);
    if (found !== undefined && found.error === 'NONE') return partitionExists(found.partitions.length, topic, options);
    const error = found?.error ?? 'UNKNOWN_TOPIC_OR_PARTITION';
    if (error !== 'UNKNOWN_TOPIC_OR_PARTITION') throw new KafkaError(error, found?.message ?? `topic ${topic}: ${error}`);
    if (options.exitAtEnd) throw new KafkaError(error, `topic ${topic} does not exist; yak topic list shows those that do`);
    if (!isToldOnce) process.stderr.write(`topic ${topic} does not exist yet; waiting for it\n`);
    await new Promise((resolve) => setTimeout(resolve, TOPIC_POLL_MS));
  }
  return false;
}

function partitionExists(count: number, topic: string, options: ConsumeOptions): true {
  if (options.partition === undefined || options.partition < count) return true;
  throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} has no partition ${options.partition}, only 0 to ${count - 1}`);
}
