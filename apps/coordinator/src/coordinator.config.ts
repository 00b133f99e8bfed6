/** From what the process was told (#config) to what the core wants. Nothing is decided here. */
import type { CoordinatorOptions } from '#config';
import type { ClusterCoordinatorOptions } from '#coordinator-core';
import type { Endpoint } from '#metadata';

/** `advertisedAddress`: of the Nest TCP door, port resolved before the coordinator starts. */
export function toCoordinatorConfig(
  options: CoordinatorOptions,
  advertisedAddress: Endpoint,
  storeName: string,
): ClusterCoordinatorOptions['config'] {
  const { values } = options;
  return {
    id: options.coordinatorId,
    advertisedAddress,
    configuredBrokers: options.configuredBrokers,
    sessionTimeoutMs: values['broker.session.timeout.ms'],
    heartbeatIntervalMs: values['broker.heartbeat.interval.ms'],
    autoCreateTopics: values['auto.create.topics.enable'],
    topicDefaults: {
      partitions: values['num.partitions'],
      replicationFactor: values['default.replication.factor'],
      flushPolicy: values['log.flush.policy'],
    },
    offsetsTopic: {
      partitions: values['offsets.topic.num.partitions'],
      replicationFactor: values['offsets.topic.replication.factor'],
      segmentBytes: values['offsets.topic.segment.bytes'],
    },
    beatIntervalMs: values['coordinator.beat.interval.ms'],
    turnTimeoutMs: values['coordinator.session.timeout.ms'],
    storeName,
  };
}
