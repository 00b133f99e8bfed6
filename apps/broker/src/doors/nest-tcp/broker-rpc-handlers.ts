/**
 * The Nest door's messages on one side, the verbs of the broker core on the other: plain functions without Nest, so that the
 * simulation serves the same code through its RpcServer. Frames of
 * produce and fetch are checked here, by hand and once; the other messages were checked by class-validator before.
 */
import type { BrokerVerbs, ClientVerbs, ClusterView, TopicView } from '#broker-core';
import type { RequestContext } from '#kernel';
import type { BrokerListeners, Endpoint } from '#metadata';
import type { DescribeClusterResponse, MetadataResponse, PatternKey, RpcHandlers, RpcMessages, TopicMetadata } from '#rpc';
import { formatAddress } from '#seams';
import { type ClientPattern, clientRpcHandlers } from './client-rpc-handlers.js';
import { type GroupPattern, groupRpcHandlers } from './group-rpc-handlers.js';
import { checkFetch, checkLookUps, checkProduce } from './record-frame-checks.js';

/** Questions that only the cluster coordinator can answer. */
export type ForwardedPattern = 'describeCluster';

/** Broker of #broker-core, as far as this door needs it. */
export interface RpcBroker extends BrokerVerbs, ClientVerbs {
  forward<K extends ForwardedPattern>(pattern: K, request: RpcMessages[K][0], timeoutMs?: number): Promise<RpcMessages[K][1]>;
  readonly image: { readonly revision: number; readonly brokers: ReadonlyMap<number, { readonly listeners: BrokerListeners }> };
  /** Resolves when the metadata meets `condition`, or after `timeoutMs`. */
  waitForMetadata(condition: (image: { readonly revision: number }) => boolean, timeoutMs: number): Promise<boolean>;
}

/** Below the frame limit of both ends, with room for one more batch: a batch above the limit of its fetch still comes whole. */
const FETCH_BYTES_MAX = 12 * 1024 * 1024;
/** A watcher that named no limit is answered at least this often, so that a dead one is noticed. */
const WATCH_WAIT_MS_DEFAULT = 30_000;

/** However long is asked for, as on the Kafka door. */
const FETCH_WAIT_MS_MAX = 30_000;
const PRODUCE_TIMEOUT_MS_MAX = 60_000;

export type BrokerPattern =
  | ForwardedPattern
  | 'createTopics'
  | 'deleteTopics'
  | 'createPartitions'
  | 'alterConfigs'
  | 'electLeader'
  | 'describeConfigs'
  | 'metadata'
  | 'produce'
  | 'fetch'
  | 'listOffsets'
  | 'initProducerId';
export type BrokerRpcHandlers = Required<Pick<RpcHandlers, (BrokerPattern | ClientPattern | GroupPattern) & PatternKey>>;

export function brokerRpcHandlers(broker: RpcBroker): BrokerRpcHandlers {
  return {
    ...clientRpcHandlers(broker),
    ...groupRpcHandlers(broker),

    async metadata(request, context) {
      const known = request.newerThanRevision;
      if (known !== undefined && broker.image.revision <= known) {
        // Newer metadata and the end of the wait are both an answer.
        await broker.waitForMetadata((image) => image.revision > known, request.maxWaitMs ?? WATCH_WAIT_MS_DEFAULT);
      }
      const view = await broker.cluster(context, {
        topics: request.topics?.map((name) => ({ name })) ?? null,
        allowAutoTopicCreation: request.allowAutoTopicCreation ?? false,
      });
      return toMetadataResponse(view);
    },

    async produce(request, context) {
      checkProduce(request);
      const { acks, partitions } = request;
      const timeoutMs = Math.min(request.timeoutMs, PRODUCE_TIMEOUT_MS_MAX);
      return await broker.produce(context, { acks, timeoutMs, transactionalId: null, partitions });
    },

    async fetch(request, context) {
      checkFetch(request);
      const response = await broker.fetch(context, {
        replica: null,
        maxWaitMs: Math.min(request.maxWaitMs, FETCH_WAIT_MS_MAX),
        minBytes: request.minBytes,
        maxBytes: Math.min(request.maxBytes, FETCH_BYTES_MAX),
        isolation: 'read_uncommitted',
        partitions: request.partitions.map((p) => ({
          topic: p.topic,
          topicId: null,
          partition: p.partition,
          fetchOffset: p.fetchOffset,
          currentLeaderEpoch: p.currentLeaderEpoch ?? -1,
          lastFetchedEpoch: p.lastFetchedEpoch ?? -1,
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
          ...(p.divergingEpoch && { divergingEpoch: p.divergingEpoch }),
          records: p.records,
        })),
      };
    },

    async listOffsets(request, context) {
      checkLookUps(request.partitions);
      return await broker.listOffsets(context, {
        isolation: 'read_uncommitted',
        partitions: request.partitions.map(({ topic, partition, timestamp }) => ({ topic, partition, currentLeaderEpoch: -1, timestamp })),
      });
    },

    async initProducerId(_request, context) {
      return await broker.initProducerId(context, { transactionalId: null });
    },

    createTopics: (request, context) => broker.admin.createTopics(context, request),
    deleteTopics: (request, context) => broker.admin.deleteTopics(context, request),
    createPartitions: (request, context) => broker.admin.createPartitions(context, request),
    alterConfigs: (request, context) => broker.admin.alterConfigs(context, request),
    electLeader: (request, context) => broker.admin.electLeader(context, request),
    describeConfigs: (request, context) => broker.admin.describeConfigs(context, request),
    describeCluster: async (request, context) => withExternalAddresses(await broker.forward('describeCluster', request), broker, context),
  };
}

function toMetadataResponse(view: ClusterView): MetadataResponse {
  return {
    clusterId: view.clusterId,
    revision: view.revision,
    brokers: view.brokers.map(({ brokerId, endpoint, rack }) => ({ id: brokerId, host: endpoint.host, port: endpoint.port, rack })),
    topics: view.topics.map(toTopicMetadata),
  };
}

function toTopicMetadata(topic: TopicView): TopicMetadata {
  return { error: topic.error, name: topic.name ?? '', topicId: topic.topicId, partitions: topic.partitions };
}

/** As this broker's metadata has them. Who came in from outside is told no other address: it would lead him nowhere. */
function withExternalAddresses(
  description: DescribeClusterResponse,
  { image }: RpcBroker,
  context: RequestContext,
): DescribeClusterResponse {
  const shown = (endpoint: Endpoint | undefined) => (endpoint === undefined ? undefined : formatAddress(endpoint));
  const brokers = description.brokers.map((each) => {
    const listeners = image.brokers.get(each.id)?.listeners;
    const externalKafka = shown(listeners?.externalKafka);
    const externalTcp = shown(listeners?.externalTcp);
    return {
      ...each,
      ...(externalKafka !== undefined && { externalKafka }),
      ...(externalTcp !== undefined && { externalTcp }),
      ...(context.listener === 'external-nest' && { kafka: externalKafka ?? '', tcp: externalTcp ?? '' }),
    };
  });
  return { ...description, brokers };
}
