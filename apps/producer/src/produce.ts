/**
 * Sends lines: reads no faster than the cluster takes them, stops reading at the first record that was given up, and ends
 * with a summary of what was acknowledged. Ctrl-C stops the reading; what was read by then is still sent.
 */
import { open } from 'node:fs/promises';
import type { Client, Producer } from '#client';
import { UsageError } from '#config';
import { KafkaError, topicNameProblem, YakError } from '#kernel';
import { EXIT, type ExitCode, signalExitCode } from '../../shared/command/exit-codes.js';
import { PartialError } from '../../shared/command/failure.js';
import { formatBytes, formatCount } from '../../shared/command/figures.js';
import { withClient } from '../../shared/command/open-client.js';
import { onStopSignal } from '../../shared/command/signals.js';
import { LineSplitter, splitKey } from './line-splitter.js';
import type { ProduceOptions } from './produce-command.js';
import { ProduceSummary } from './summary.js';

const READ_BYTES = 256 * 1024;
const PROGRESS_EVERY_MS = 500;

/** Lines in, and a way to stop before they end. */
interface Input extends AsyncIterable<Buffer> {
  destroy(): void;
}

export async function produce(topic: string, options: ProduceOptions): Promise<ExitCode> {
  const problem = topicNameProblem(topic);
  if (problem !== null) throw new UsageError(problem);
  const input = await openInput(options);
  return withClient(options, 'yak-produce', async (client) => {
    await createIfAsked(client, topic, options);
    const summary = new ProduceSummary();
    const producer = client.producer({
      acks: options.acks,
      batchBytes: options.batchBytes,
      lingerMs: options.lingerMs,
      deliveryTimeoutMs: options.deliveryTimeoutMs,
      compression: options.compression,
      partitioner: options.partitioner,
      allowAutoTopicCreation: true,
    });
    producer.onAcknowledged(({ partition, baseOffset, records }) => summary.acknowledged(partition, baseOffset, records));
    producer.onError(({ records, error }) => {
      summary.failed(records, error);
      input.destroy(); // It may be a terminal, whose next line could be long in coming.
    });

    const startedAt = performance.now();
    const stopProgress = showProgress(summary, producer, startedAt);
    const signal = await sendLines(topic, input, options, producer, summary);
    await producer.close().catch((error: Error) => {
      summary.firstFailure ??= error;
    });
    stopProgress();
    report(topic, options, summary, performance.now() - startedAt, producer.metrics.retries);
    return endOf(summary, signal);
  });
}

/** Resolves with the signal that ended it early, or null at the end of the input. */
async function sendLines(
  topic: string,
  input: Input,
  options: ProduceOptions,
  producer: Producer,
  summary: ProduceSummary,
): Promise<NodeJS.Signals | null> {
  const separator = options.keySeparator === undefined ? null : Buffer.from(options.keySeparator);
  const lines = new LineSplitter();
  let signal: NodeJS.Signals | null = null;
  const removeHandler = onStopSignal((received) => {
    signal = received;
    input.destroy();
  });
  const take = (line: Buffer) => {
    const { key, value } = splitKey(line, separator);
    producer.append(options.partition === undefined ? { topic, key, value } : { topic, partition: options.partition, key, value });
    summary.recordsRead++;
    summary.bytesRead += value.length + (key?.length ?? 0);
  };
  try {
    for await (const chunk of input) {
      lines.push(chunk, take);
      await producer.ready();
      if (summary.firstFailure !== null || signal !== null) break;
    }
    // Interrupted in the middle of a line: a half one is not a record.
    if (signal === null && summary.firstFailure === null) lines.end(take);
  } catch (error) {
    // The stream complains about being destroyed (then there is a signal or a failure already); everything else is a failure to
    // read, after which what was read is still sent.
    if (signal === null) summary.firstFailure ??= readError(error, options);
  } finally {
    removeHandler();
  }
  return signal;
}

async function openInput(options: ProduceOptions): Promise<Input> {
  if (options.file !== undefined) {
    const file = await open(options.file).catch((error: unknown) => Promise.reject(readError(error, options)));
    return file.createReadStream({ highWaterMark: READ_BYTES });
  }
  if (process.stdin.isTTY) process.stderr.write('one record a line; Ctrl-D ends\n');
  return process.stdin;
}

async function createIfAsked(client: Client, topic: string, options: ProduceOptions): Promise<void> {
  if (options.partitions === undefined && options.replicationFactor === undefined) return;
  const wanted = {
    name: topic,
    ...(options.partitions === undefined ? {} : { partitions: options.partitions }),
    ...(options.replicationFactor === undefined ? {} : { replicationFactor: options.replicationFactor }),
  };
  const [result] = (await client.admin.createTopics({ topics: [wanted] })).topics;
  if (result === undefined || result.error === 'NONE' || result.error === 'TOPIC_ALREADY_EXISTS') return;
  throw new KafkaError(result.error, `topic ${topic} cannot be created: ${result.message ?? result.error}`);
}

function showProgress(summary: ProduceSummary, producer: Producer, startedAt: number): () => void {
  if (!process.stderr.isTTY) return () => {};
  const timer = setInterval(() => {
    const seconds = (performance.now() - startedAt) / 1000;
    const records = summary.recordsAcknowledged;
    const { retries, bufferedBytes } = producer.metrics;
    process.stderr.write(
      `\r\x1b[K${formatCount(records)} records, ${formatCount(records / seconds)}/s, ${formatBytes(bufferedBytes)} on the way, ${retries} retries`,
    );
  }, PROGRESS_EVERY_MS);
  return () => {
    clearInterval(timer);
    process.stderr.write('\r\x1b[K');
  };
}

function report(topic: string, options: ProduceOptions, summary: ProduceSummary, tookMs: number, retries: number): void {
  const text = options.json ? JSON.stringify(summary.toJson(topic, tookMs, retries)) : summary.toText(topic, tookMs, retries);
  process.stdout.write(`${text}\n`);
}

function endOf(summary: ProduceSummary, signal: NodeJS.Signals | null): ExitCode {
  const failure = summary.firstFailure;
  if (failure === null) return signal === null ? EXIT.OK : signalExitCode(signal);
  if (summary.recordsAcknowledged === 0) throw failure;
  const missing = summary.recordsRead - summary.recordsAcknowledged;
  throw new PartialError(
    `stopped with ${formatCount(missing)} of ${formatCount(summary.recordsRead)} lines not acknowledged: ${failure.message}`,
  );
}

function readError(error: unknown, options: ProduceOptions): Error {
  if (error instanceof YakError) return error;
  const from = options.file === undefined ? 'standard input' : options.file;
  const reason = error instanceof Error ? error.message : String(error);
  return new YakError('CANNOT_READ', `${from} cannot be read: ${reason}`);
}
