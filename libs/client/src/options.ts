/** The defaults of client, producer and consumer, and the checks of what a caller gave. Every number of the client lives here. */
import { topicNameProblem, YakError } from '#kernel';
import type { Address } from '#seams';
import { parseAddress } from '#seams';
import type { ClientConfig, ConsumerConfig, ProducerConfig } from './contract.js';

/** A request unanswered for this long makes the client ask others who leads by now. */
export const SUSPICION_MS = 500;
/** One question for metadata or a producer id; then the next process is asked. */
export const ATTEMPT_TIMEOUT_MS = 2000;
export const CONNECT_TIMEOUT_MS = 2000;
/** How long one round of following a leader change waits at the asked process, and how long it may take in all. */
export const FOLLOW_WAIT_MS = 400;
export const FOLLOW_TIMEOUT_MS = 900;
/** Rounds of following begin at least this far apart. */
export const FOLLOW_PACE_MS = 100;
/** A topic that every answer called unknown for this long does not exist (one just made may take a moment to be known everywhere). */
export const UNKNOWN_TOPIC_MS = 5000;
/** What a broker remembers per producer and partition; more unanswered batches could not be recognized again (R26). */
export const MAX_IDEMPOTENT_IN_FLIGHT = 5;
/** Batches of one produce request, together. A single larger batch goes alone. */
export const MAX_REQUEST_BYTES = 8 * 1024 * 1024;

export interface ClientOptions extends Required<Omit<ClientConfig, 'software'>> {
  readonly software: ClientConfig['software'] | null;
  readonly bootstrapAddresses: readonly Address[];
}

export function clientOptions(config: ClientConfig): ClientOptions {
  const bootstrapAddresses = config.bootstrap.map((text) => {
    const address = parseAddress(text);
    if (address === null) throw invalid(`bootstrap address "${text}" is not host:port`);
    return address;
  });
  if (bootstrapAddresses.length === 0)
    throw invalid('bootstrap names no address; give at least one host:port of a broker or the coordinator');
  const options = {
    bootstrap: config.bootstrap,
    bootstrapAddresses,
    clientId: config.clientId ?? 'yak-client',
    software: config.software ?? null,
    requestTimeoutMs: config.requestTimeoutMs ?? 30_000,
    retryBackoffMs: config.retryBackoffMs ?? 50,
    retryBackoffMaxMs: config.retryBackoffMaxMs ?? 1000,
  };
  atLeast(1, { requestTimeoutMs: options.requestTimeoutMs, retryBackoffMs: options.retryBackoffMs });
  atLeast(options.retryBackoffMs, { retryBackoffMaxMs: options.retryBackoffMaxMs });
  return options;
}

export type ProducerOptions = Required<ProducerConfig>;

export function producerOptions(config: ProducerConfig): ProducerOptions {
  const acks = config.acks ?? -1;
  const isIdempotent = config.idempotent ?? acks === -1;
  const options: ProducerOptions = {
    acks,
    idempotent: isIdempotent,
    batchBytes: config.batchBytes ?? 65_536,
    lingerMs: config.lingerMs ?? 5,
    maxInFlight: config.maxInFlight ?? 5,
    deliveryTimeoutMs: config.deliveryTimeoutMs ?? 120_000,
    bufferBytes: config.bufferBytes ?? 32 * 1024 * 1024,
    partitioner: config.partitioner ?? 'default',
    allowAutoTopicCreation: config.allowAutoTopicCreation ?? false,
    compression: config.compression ?? 'none',
  };
  if (![-1, 0, 1].includes(acks)) throw invalid(`acks is ${acks}; it has to be -1 (all), 0 or 1`);
  if (options.compression === 'zstd') throw invalid('compression zstd can be read but not written; choose gzip, snappy, lz4 or none');
  if (isIdempotent && acks !== -1) throw invalid(`idempotent needs acks -1 (all), not ${acks}`);
  if (isIdempotent && options.maxInFlight > MAX_IDEMPOTENT_IN_FLIGHT) {
    throw invalid(`maxInFlight is ${options.maxInFlight}; an idempotent producer may have at most ${MAX_IDEMPOTENT_IN_FLIGHT}`);
  }
  atLeast(1, { batchBytes: options.batchBytes, maxInFlight: options.maxInFlight, deliveryTimeoutMs: options.deliveryTimeoutMs });
  atLeast(1, { bufferBytes: options.bufferBytes });
  atLeast(0, { lingerMs: options.lingerMs });
  return options;
}

/** How much of what is fetched, by a consumer with or without a group. */
export type FetchLimits = Required<Pick<ConsumerConfig, 'maxWaitMs' | 'maxBytes' | 'partitionMaxBytes' | 'bufferBytes'>>;

export type ConsumerOptions = Required<Omit<ConsumerConfig, 'partitions'>> & { readonly partitions: readonly number[] | null };

export function consumerOptions(config: ConsumerConfig): ConsumerOptions {
  const problem = topicNameProblem(config.topic);
  if (problem !== null) throw invalid(problem);
  const options: ConsumerOptions = {
    topic: config.topic,
    partitions: config.partitions ?? null,
    from: config.from,
    exitAtEnd: config.exitAtEnd ?? false,
    ...fetchLimits(config),
  };
  if (typeof options.from === 'object') atLeast(0, options.from as { offset: number } | { timestamp: number });
  for (const partition of options.partitions ?? []) atLeast(0, { partition });
  return options;
}

export function fetchLimits(config: Partial<FetchLimits>): FetchLimits {
  const limits: FetchLimits = {
    maxWaitMs: config.maxWaitMs ?? 500,
    maxBytes: config.maxBytes ?? 4 * 1024 * 1024,
    partitionMaxBytes: config.partitionMaxBytes ?? 1024 * 1024,
    bufferBytes: config.bufferBytes ?? 8 * 1024 * 1024,
  };
  atLeast(1, { maxBytes: limits.maxBytes, partitionMaxBytes: limits.partitionMaxBytes, bufferBytes: limits.bufferBytes });
  atLeast(0, { maxWaitMs: limits.maxWaitMs });
  return limits;
}

export function atLeast(least: number, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isSafeInteger(value) || value < least)
      throw invalid(`${name} is ${value}; it has to be a whole number of at least ${least}`);
  }
}

export function invalid(message: string): YakError {
  return new YakError('INVALID_CONFIG', message);
}
