/**
 * How a follower fetches from its leader: Kafka's own Fetch (v17) over the leader's replication listener, several under
 * way if the caller likes. Answers are matched by correlation id and must name every partition that was asked; anything
 * else, and silence, ends the session (the caller dials again).
 */
import type { FetchPartition, FetchPartitionResponse, FetchRequest, FetchResponse, ReplicaDialer, ReplicaSession } from '#broker-core';
import { assert, KafkaError, type KafkaErrorName, YakError } from '#kernel';
import type { Address, Cancellable, Clock, Connection, Network, Scheduler } from '#seams';
import {
  DEFAULT_FRAME_BYTES_MAX,
  encodeRequest,
  errorName,
  type FetchRequestValue,
  type FetchResponseBody,
  FrameSplitter,
  fetchApi,
  peekCorrelationId,
  RESPONSE_BYTES_MIN,
  readResponseHeader,
} from '#wire';

const FETCH_VERSION = 17;

export interface ReplicaClientOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Of this broker; leaders see `yak-replica-<id>` as the client id. */
  readonly brokerId: number;
  readonly dialTimeoutMs?: number;
  /** How long after the longest wait of a fetch its answer may take. Kafka's `replica.socket.timeout.ms`. */
  readonly replicaSocketTimeoutMs?: number;
  readonly frameBytesMax?: number;
}

export class ReplicaClient implements ReplicaDialer {
  constructor(private readonly options: ReplicaClientOptions) {}

  async dial(endpoint: Address): Promise<ReplicaSession> {
    const connection = await this.options.network.dial(endpoint, { timeoutMs: this.options.dialTimeoutMs ?? 10_000 });
    return new WireReplicaSession(connection, this.options);
  }
}

interface Pending {
  readonly request: FetchRequest;
  readonly deadlineMs: number;
  readonly resolve: (response: FetchResponse) => void;
  readonly reject: (error: YakError) => void;
}

class WireReplicaSession implements ReplicaSession {
  private readonly splitter: FrameSplitter;
  private readonly pending = new Map<number, Pending>();
  private readonly closeListeners: (() => void)[] = [];
  private nextCorrelationId = 1;
  private watch: Cancellable | null = null;
  private end: YakError | null = null;

  constructor(
    private readonly connection: Connection,
    private readonly options: ReplicaClientOptions,
  ) {
    this.splitter = new FrameSplitter(RESPONSE_BYTES_MIN, options.frameBytesMax ?? DEFAULT_FRAME_BYTES_MAX);
    connection.onData((chunk) => this.received(chunk));
    connection.onClose((error) => this.die(new YakError('CONNECTION_CLOSED', error?.message ?? 'the leader closed the connection')));
  }

  fetch(request: FetchRequest): Promise<FetchResponse> {
    if (this.end !== null) return Promise.reject(this.end);
    const correlationId = this.nextCorrelationId;
    this.nextCorrelationId = (correlationId % 0x7fffffff) + 1;
    const waitMs = request.maxWaitMs + (this.options.replicaSocketTimeoutMs ?? 30_000);
    const deadlineMs = this.options.clock.monotonicMs() + waitMs;
    return new Promise((resolve, reject) => {
      this.pending.set(correlationId, { request, deadlineMs, resolve, reject });
      this.connection.write(encodeRequest(fetchApi, FETCH_VERSION, correlationId, `yak-replica-${this.options.brokerId}`, toWire(request)));
      this.watch ??= this.options.scheduler.after(waitMs, () => this.checkDeadlines());
    });
  }

  onClose(listener: () => void): void {
    if (this.end !== null) listener();
    else this.closeListeners.push(listener);
  }

  close(): void {
    this.die(new YakError('CONNECTION_CLOSED', 'the session was closed'));
  }

  private received(chunk: Buffer): void {
    if (this.end !== null) return;
    try {
      this.splitter.push(chunk);
      for (let frame = this.splitter.next(); frame !== null; frame = this.splitter.next()) this.answered(frame);
    } catch (error) {
      if (!(error instanceof YakError)) throw error;
      this.die(error);
    }
  }

  private answered(frame: Buffer): void {
    const correlationId = peekCorrelationId(frame);
    const pending = this.pending.get(correlationId);
    if (!pending) throw new YakError('MALFORMED_FRAME', `an answer with correlation id ${correlationId}, which was not asked`);
    const reader = readResponseHeader(frame, 1);
    const body = fetchApi.readResponse(FETCH_VERSION, reader);
    reader.expectEnd();
    if (body.errorCode !== 0) throw new KafkaError(nameOf(body.errorCode), `the leader refused the fetch: ${nameOf(body.errorCode)}`);
    const response = fromWire(pending.request, body);
    this.pending.delete(correlationId);
    pending.resolve(response);
  }

  /** One timer for all requests; armed for the first, then for the earliest that is left. */
  private checkDeadlines(): void {
    this.watch = null;
    if (this.pending.size === 0 || this.end !== null) return;
    const nowMs = this.options.clock.monotonicMs();
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const { deadlineMs } of this.pending.values()) earliestMs = Math.min(earliestMs, deadlineMs);
    if (earliestMs <= nowMs) return this.die(new YakError('REQUEST_TIMED_OUT', `no answer from ${this.connection.remoteAddress} in time`));
    this.watch = this.options.scheduler.after(earliestMs - nowMs, () => this.checkDeadlines());
  }

  private die(error: YakError): void {
    if (this.end !== null) return;
    this.end = error;
    this.watch?.cancel();
    this.connection.destroy();
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of waiting) reject(error);
    for (const listener of this.closeListeners) listener();
  }
}

function toWire(request: FetchRequest): FetchRequestValue {
  const topics = new Map<string, FetchPartition[]>();
  for (const partition of request.partitions) {
    assert(partition.topicId !== null, `a replica fetch of ${partition.topic}-${partition.partition} needs the topic id`);
    const known = topics.get(partition.topicId);
    if (known) known.push(partition);
    else topics.set(partition.topicId, [partition]);
  }
  return {
    replicaState: request.replica && { replicaId: request.replica.brokerId, replicaEpoch: request.replica.brokerEpoch },
    maxWaitMs: request.maxWaitMs,
    minBytes: request.minBytes,
    maxBytes: request.maxBytes,
    isolationLevel: request.isolation === 'read_committed' ? 1 : 0,
    topics: [...topics].map(([topicId, partitions]) => ({ topicId, partitions: partitions.map(partitionToWire) })),
  };
}

function partitionToWire(partition: FetchPartition) {
  return {
    partition: partition.partition,
    currentLeaderEpoch: partition.currentLeaderEpoch,
    fetchOffset: partition.fetchOffset,
    lastFetchedEpoch: partition.lastFetchedEpoch,
    logStartOffset: partition.logStartOffset,
    partitionMaxBytes: partition.maxBytes,
    flushedEndOffset: partition.flushedEndOffset ?? -1,
  };
}

type WirePartition = FetchResponseBody['responses'][number]['partitions'][number];

/** In the order of the request. Throws when a partition that was asked is missing. */
function fromWire(request: FetchRequest, body: FetchResponseBody): FetchResponse {
  const answers = new Map<string, WirePartition>();
  for (const { topicId, partitions } of body.responses) {
    for (const partition of partitions) answers.set(`${topicId}/${partition.partitionIndex}`, partition);
  }
  const partitions = request.partitions.map((asked) => {
    const answer = answers.get(`${asked.topicId}/${asked.partition}`);
    if (!answer)
      throw new YakError('MALFORMED_FRAME', `the answer lacks partition ${asked.partition} of topic ${asked.topic ?? asked.topicId}`);
    return partitionFromWire(asked, answer);
  });
  return { partitions };
}

function partitionFromWire(asked: FetchPartition, answer: WirePartition): FetchPartitionResponse {
  const { divergingEpoch, currentLeader, records } = answer;
  return {
    topic: asked.topic ?? '',
    topicId: asked.topicId!,
    partition: asked.partition,
    error: nameOf(answer.errorCode),
    highWatermark: answer.highWatermark,
    lastStableOffset: answer.lastStableOffset,
    logStartOffset: answer.logStartOffset,
    ...(divergingEpoch ? { divergingEpoch: { leaderEpoch: divergingEpoch.epoch, endOffset: divergingEpoch.endOffset } } : {}),
    ...(currentLeader ? { currentLeader: { leader: currentLeader.leaderId, leaderEpoch: currentLeader.leaderEpoch } } : {}),
    records: records === null || records.length === 0 ? [] : [records],
  };
}

/** Leaders are YaK brokers: what they answer is a name of KafkaErrorName, or something that nobody foresaw. */
function nameOf(code: number): KafkaErrorName {
  return (errorName(code) as KafkaErrorName | null) ?? 'UNKNOWN_SERVER_ERROR';
}
