/** From what the process was told (#config) to what the core wants. Nothing is decided here. */
import { type BrokerConfig, GROUP_METADATA_BYTES_MAX } from '#broker-core';
import { type BrokerOptions, type ConfigSetting, configSettings, type ListenerOptions } from '#config';
import { TAIL_CACHES_BYTES_MAX } from '#log';
import type { BrokerListeners } from '#metadata';
import { usableMemoryBytes } from '../../shared/process/usable-memory.js';
import { VERSION } from '../../shared/version.js';

/** `listeners`: as advertised, ports resolved; read when the broker registers. */
export function toBrokerConfig(options: BrokerOptions, listeners: BrokerListeners): BrokerConfig {
  const { values } = options;
  return {
    brokerId: options.brokerId,
    listeners,
    rack: options.rack,
    software: { name: 'yak', version: VERSION },
    dataPath: options.dataPath,
    coordinators: options.coordinators,
    heartbeatIntervalMs: values['broker.heartbeat.interval.ms'],
    sessionTimeoutMs: values['broker.session.timeout.ms'],
    replicaLagTimeMaxMs: values['replica.lag.time.max.ms'],
    replicaFetchWaitMaxMs: values['replica.fetch.wait.max.ms'],
    replicaFetchMaxBytes: values['replica.fetch.max.bytes'],
    replicaFetchResponseMaxBytes: values['replica.fetch.response.max.bytes'],
    highWatermarkCheckpointIntervalMs: values['replica.high.watermark.checkpoint.interval.ms'],
    retentionCheckIntervalMs: values['log.retention.check.interval.ms'],
    autoCreateTopics: values['auto.create.topics.enable'],
    fetchMaxBytes: values['fetch.max.bytes'],
    queuedBytesMax: orShareOfMemory(values['queued.max.request.bytes'], 16),
    tailCachesBytesMax: orShareOfMemory(values['tail.cache.max.bytes'], 32, TAIL_CACHES_BYTES_MAX),
    groups: {
      minSessionTimeoutMs: values['group.min.session.timeout.ms'],
      maxSessionTimeoutMs: values['group.max.session.timeout.ms'],
      initialRebalanceDelayMs: values['group.initial.rebalance.delay.ms'],
      maxSize: values['group.max.size'],
      groupMetadataMaxBytes: GROUP_METADATA_BYTES_MAX,
      offsetMetadataMaxBytes: values['offset.metadata.max.bytes'],
      offsetsRetentionMs: values['offsets.retention.minutes'] * 60_000,
      offsetsCommitTimeoutMs: values['offsets.commit.timeout.ms'],
      offsetsRetentionCheckIntervalMs: values['offsets.retention.check.interval.ms'],
    },
    cleaner: {
      isEnabled: values['log.cleaner.enable'],
      backoffMs: values['log.cleaner.backoff.ms'],
      ioBytesPerSecondMax: values['log.cleaner.io.max.bytes.per.second'],
      dedupeBufferBytes: values['log.cleaner.dedupe.buffer.size'],
    },
    log: options.log,
    configs: settingsOf(options),
  };
}

/** Bytes as told, else one of so many parts of what the process may use. */
function orShareOfMemory(bytes: number | null, parts: number, atMost = Number.MAX_SAFE_INTEGER): number {
  return bytes ?? Math.min(atMost, Math.floor(usableMemoryBytes() / parts));
}

/** As told, with what the options made of it where nobody said. An address whose port the system chooses is not known here. */
function settingsOf(options: BrokerOptions): readonly ConfigSetting[] {
  const { listeners, dataPath } = options;
  const advertised = (listener: ListenerOptions | null) =>
    listener === null || listener.advertised.port === 0 ? null : listener.advertised;
  return configSettings(options, 'broker', {
    'data.dir': dataPath,
    'replication.port': listeners.replication.bind.port,
    'tcp.port': listeners.tcp.bind.port,
    'http.port': listeners.http.bind.port,
    'advertised.host': options.values['advertised.host'] ?? options.values.host,
    'advertised.kafka.address': advertised(listeners.kafka),
    'advertised.replication.address': advertised(listeners.replication),
    'advertised.tcp.address': advertised(listeners.tcp),
    'advertised.http.address': advertised(listeners.http),
    'advertised.external.kafka.address': advertised(listeners.externalKafka),
    'advertised.external.tcp.address': advertised(listeners.externalTcp),
  });
}
