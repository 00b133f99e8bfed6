/**
 * The Nest door's messages on one side, the verbs of the broker core on the other: plain functions without Nest, so that the
 * simulation serves the same code through its RpcServer. Admin calls are forwarded to the cluster coordinator. Frames of
 * produce and fetch are checked here, by hand and once; the other messages were checked by class-validator before.
 */
import type { BrokerVerbs, ClusterView, TopicView } from '#broker-core';
import type { RequestContext } from '#kernel';
import type { MetadataRequest, MetadataResponse, PatternKey, RpcHandlers, RpcMessages, TopicMetadata } from '#rpc';
import type { Scheduler } from '#seams';
import { checkFetch, checkProduce } from './record-frame-checks.js';

/** Calls that only the cluster coordinator can answer. */
export type ForwardedPattern = 'createTopics' | 'deleteTopics' | 'describeCluster';

export interface RpcBroker extends BrokerVerbs {
  forward<K extends ForwardedPattern>(pattern: K, request: RpcMessages[K][0], context: RequestContext): Promise<RpcMessages[K][1]>;
  /** Revision of the metadata that this broker acts on; -1 before the first. */
  metadataRevision(): number;
  /** The listener is called after each applied change; the answer stops it. */
  onMetadataChange(listener: () => void): () => void;
}

/** Below the frame limit of both ends, with room for one more batch: a batch above the limit of its fetch still comes whole. */
const FETCH_BYTES_MAX = 12 * 1024 * 1024;
/** A watcher that named no limit is answered at least this often, so that a dead one is noticed. */
const WATCH_WAIT_MS_DEFAULT = 30_000;

export type BrokerPattern = ForwardedPattern | 'metadata' | 'produce' | 'fetch' | 'listOffsets' | 'initProducerId';
export type BrokerRpcHandlers = Required<Pick<RpcHandlers, BrokerPattern & PatternKey>>;

export function brokerRpcHandlers(broker: RpcBroker, scheduler: Scheduler): BrokerRpcHandlers {
  return {
    async metadata(request, context) {
      if (request.newerThanRevision !== undefined) await changeAfter(broker, scheduler, request);
      const view = await broker.cluster(context, {
        topics: request.topics?.map((name) => ({ name })) ?? null,
        allowAutoTopicCreation: request.allowAutoTopicCreation ?? false,
      });
      return toMetadataResponse(view);
    },

    async produce(request, context) {
      checkProduce(request);
      const { acks, timeoutMs, partitions } = request;
      return await broker.produce(context, { acks, timeoutMs, transactionalId: null, partitions });
    },

    async fetch(request, context) {
      checkFetch(request);
      const response = await broker.fetch(context, {
        replica: null,
        maxWaitMs: request.maxWaitMs,
        minBytes: request.minBytes,
        maxBytes: Math.min(request.maxBytes, FETCH_BYTES_MAX),
        isolation: 'read_uncommitted',
        partitions: request.partitions.map((p) => ({
          topic: p.topic,
          topicId: null,
          partition: p.partition,
          fetchOffset: p.fetchOffset,
          currentLeaderEpoch: p.currentLeaderEpoch ?? -1,
          lastFetchedEpoch: -1,
          logStartOffset: -1,
          maxBytes: p.maxBytes,
          flushedEndOffset: null,
        })),
      });
      return {
        partitions: response.partitions.map((p) => ({
          topic: p.topic,
          partition: p.partition,
          error: p.error,
          highWatermark: p.highWatermark,
          logStartOffset: p.logStartOffset,
          ...(p.currentLeader && { currentLeader: p.currentLeader }),
          records: p.records,
        })),
      };
    },

    async listOffsets(request, context) {
      return await broker.listOffsets(context, {
        isolation: 'read_uncommitted',
        partitions: request.partitions.map(({ topic, partition, timestamp }) => ({ topic, partition, currentLeaderEpoch: -1, timestamp })),
      });
    },

    async initProducerId(_request, context) {
      return await broker.initProducerId(context, { transactionalId: null });
    },

    createTopics: (request, context) => broker.forward('createTopics', request, context),
    deleteTopics: (request, context) => broker.forward('deleteTopics', request, context),
    describeCluster: (request, context) => broker.forward('describeCluster', request, context),
  };
}

/** Resolves when metadata newer than the asker's is there, or its wait is over; both are an answer. */
function changeAfter(broker: RpcBroker, scheduler: Scheduler, request: MetadataRequest): Promise<void> {
  const known = request.newerThanRevision ?? -1;
  if (broker.metadataRevision() > known) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = scheduler.after(request.maxWaitMs ?? WATCH_WAIT_MS_DEFAULT, finish);
    const stop = broker.onMetadataChange(() => {
      if (broker.metadataRevision() > known) finish();
    });
    function finish(): void {
      timer.cancel();
      stop();
      resolve();
    }
  });
}

/** Addresses of the Nest door: metadata answers for the listener that the question came in on. */
function toMetadataResponse(view: ClusterView): MetadataResponse {
  return {
    clusterId: view.clusterId,
    revision: view.revision,
    brokers: view.brokers.map(({ brokerId, tcp, rack }) => ({ id: brokerId, host: tcp.host, port: tcp.port, rack })),
    topics: view.topics.map(toTopicMetadata),
  };
}

function toTopicMetadata(topic: TopicView): TopicMetadata {
  return { error: topic.error, name: topic.name ?? '', topicId: topic.topicId, partitions: topic.partitions };
}
