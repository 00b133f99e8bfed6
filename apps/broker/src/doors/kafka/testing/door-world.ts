/** A Kafka door in a simulated world, with verbs that the test answers, and a client that speaks raw frames. */
import {
  type BrokerVerbs,
  ClientRegistry,
  type ClusterView,
  endpointFor,
  type FetchRequest,
  type FetchResponse,
  type ProduceRequest,
  type ProduceResponse,
} from '#broker-core';
import type { RequestContext } from '#kernel';
import type { Connection } from '#seams';
import { type SimProcess, SimWorld } from '#seams-sim';
import { type Api, encodeRequest, FrameSplitter, peekCorrelationId, type RequestBodyOf, type ResponseOf, readResponseHeader } from '#wire';
import type { KafkaListener } from '../handler.js';
import { KafkaDoor } from '../kafka-door.js';
import type { KafkaDoorLimits } from '../limits.js';
import { FakeAdmin } from './fake-admin.js';
import { FakeGroups } from './fake-groups.js';
import { listenersOf } from './listeners-of.js';

export const TOPIC_ID = 'AAECAwQFBgcICQoLDA0ODw';
export const CLIENT_PORT = 9092;
export const REPLICATION_PORT = 9192;
export const EXTERNAL_PORT = 9094;
const PORTS: Readonly<Record<KafkaListener, number>> = { client: CLIENT_PORT, replication: REPLICATION_PORT, external: EXTERNAL_PORT };

export interface Call<Request, Response> {
  readonly context: RequestContext;
  readonly request: Request;
  resolve(response: Response): void;
  reject(error: Error): void;
}

/** Answers by default; with `hold` calls wait in `calls` for the test. */
export class FakeBroker implements BrokerVerbs {
  hold = false;
  readonly groups = new FakeGroups();
  readonly admin = new FakeAdmin();
  readonly contexts: RequestContext[] = [];
  readonly produces: Call<ProduceRequest, ProduceResponse>[] = [];
  readonly fetches: Call<FetchRequest, FetchResponse>[] = [];
  readonly listed: Parameters<BrokerVerbs['listOffsets']>[1][] = [];
  readonly asked: Parameters<BrokerVerbs['cluster']>[1][] = [];
  failure: Error | null = null;
  view: ClusterView = {
    clusterId: 'cluster',
    revision: 1,
    controllerId: 1,
    brokers: [],
    topics: [],
  };

  produce(context: RequestContext, request: ProduceRequest): Promise<ProduceResponse> {
    return this.call(this.produces, context, request, () => producedAt(request, 100));
  }

  fetch(context: RequestContext, request: FetchRequest): Promise<FetchResponse> {
    return this.call(this.fetches, context, request, () => fetched(request, [Buffer.alloc(2000, 7), Buffer.alloc(5, 8)]));
  }

  async listOffsets(context: RequestContext, request: Parameters<BrokerVerbs['listOffsets']>[1]) {
    this.note(context);
    this.listed.push(request);
    return {
      partitions: request.partitions.map(({ topic, partition, timestamp }) =>
        topic === 'gone'
          ? { topic, partition, error: 'OFFSET_NOT_AVAILABLE' as const, offset: -1, timestamp: -1, leaderEpoch: -1 }
          : { topic, partition, error: 'NONE' as const, offset: 42, timestamp, leaderEpoch: 3 },
      ),
    };
  }

  async cluster(context: RequestContext, request: Parameters<BrokerVerbs['cluster']>[1]): Promise<ClusterView> {
    this.note(context);
    this.asked.push(request);
    const brokers = [0, 1].map((brokerId) => ({ brokerId, rack: null, endpoint: endpointFor(listenersOf(brokerId), context.listener)! }));
    return { ...this.view, brokers };
  }

  async initProducerId(context: RequestContext, request: { transactionalId: string | null }) {
    this.note(context);
    return request.transactionalId === null
      ? { error: 'NONE' as const, producerId: 4000, producerEpoch: 0 }
      : { error: 'INVALID_REQUEST' as const, producerId: -1, producerEpoch: -1 };
  }

  private note(context: RequestContext): void {
    this.contexts.push(context);
    if (this.failure) throw this.failure;
  }

  private call<Q, R>(calls: Call<Q, R>[], context: RequestContext, request: Q, answer: () => R): Promise<R> {
    this.contexts.push(context);
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      calls.push({ context, request, resolve, reject });
      if (!this.hold) resolve(answer());
    });
  }
}

export function producedAt(request: ProduceRequest, baseOffset: number): ProduceResponse {
  return {
    partitions: request.partitions.map(({ topic, partition }) => ({ topic, partition, error: 'NONE', baseOffset, logStartOffset: 0 })),
  };
}

export function fetched(request: FetchRequest, records: Buffer[]): FetchResponse {
  return {
    partitions: request.partitions.map(({ topic, topicId, partition }) => ({
      topic: topic ?? 't',
      topicId: topicId ?? TOPIC_ID,
      partition,
      error: 'NONE',
      highWatermark: 10,
      lastStableOffset: 10,
      logStartOffset: 0,
      records,
    })),
  };
}

export class DoorWorld {
  readonly world: SimWorld;
  readonly server: SimProcess;
  readonly client: SimProcess;
  readonly broker = new FakeBroker();
  readonly clients: ClientRegistry;
  readonly door: KafkaDoor;

  private constructor(limits: Partial<KafkaDoorLimits>, seed: number) {
    this.world = new SimWorld({ seed });
    this.server = this.world.start('server');
    this.client = this.world.start('client');
    const { network, clock, scheduler, logger } = this.server;
    this.clients = new ClientRegistry(clock, 0);
    this.door = new KafkaDoor({ network, clock, scheduler, logger, broker: this.broker, clients: this.clients, limits });
  }

  static async start(limits: Partial<KafkaDoorLimits> = {}, seed = 1): Promise<DoorWorld> {
    const world = new DoorWorld(limits, seed);
    for (const listener of ['client', 'replication', 'external'] as const) {
      await world.settle(world.door.listen({ host: 'server', port: PORTS[listener] }, listener));
    }
    return world;
  }

  settle<T>(work: Promise<T>): Promise<T> {
    return this.world.settle(work);
  }

  async connect(listener: KafkaListener = 'client'): Promise<WireClient> {
    return new WireClient(this, await this.settle(this.client.network.dial({ host: 'server', port: PORTS[listener] })));
  }

  /** Long enough for everything that needs no timer. */
  async pause(): Promise<void> {
    await this.world.runFor(20);
  }
}

export class WireClient {
  readonly frames: Buffer[] = [];
  /** Pieces in which bytes arrived. */
  chunks = 0;
  isClosed = false;
  private readonly splitter = new FrameSplitter(4, 1 << 28);
  private nextCorrelationId = 1;

  constructor(
    private readonly world: DoorWorld,
    readonly connection: Connection,
  ) {
    connection.onData((chunk) => {
      this.chunks++;
      this.splitter.push(chunk);
      for (let frame = this.splitter.next(); frame !== null; frame = this.splitter.next()) this.frames.push(frame);
    });
    connection.onClose(() => {
      this.isClosed = true;
    });
  }

  raw(bytes: Uint8Array): void {
    this.connection.write(bytes);
  }

  /** Sends without waiting; answers the correlation id. */
  send<A extends Api>(api: A, version: number, body: RequestBodyOf<A>): number {
    const correlationId = this.nextCorrelationId++;
    this.connection.write(encodeRequest(api as Api, version, correlationId, 'tester', body as never));
    return correlationId;
  }

  async ask<A extends Api>(api: A, version: number, body: RequestBodyOf<A>): Promise<ResponseOf<A>> {
    const correlationId = this.send(api, version, body);
    const isAnswered = await this.world.world.runUntil(() => this.isClosed || this.ids().includes(correlationId), 10_000);
    if (!isAnswered || this.isClosed) throw new Error(this.isClosed ? 'closed' : 'no answer');
    return this.decode(api, version, this.frames.find((frame) => peekCorrelationId(frame) === correlationId)!);
  }

  decode<A extends Api>(api: A, version: number, frame: Buffer): ResponseOf<A> {
    const reader = readResponseHeader(frame, (api as Api).responseHeaderVersion(version));
    const body = (api as Api).readResponse(version, reader);
    reader.expectEnd();
    return body as ResponseOf<A>;
  }

  ids(): number[] {
    return this.frames.map(peekCorrelationId);
  }
}
