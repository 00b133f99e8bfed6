/** The broker's own metrics, by Prometheus' naming rules; docs/metrics.md lists them. Read from report and counters when asked. */
import type { BrokerCounters, BrokerReport, GroupCoordinatorReport } from '#broker-core';
import type { CleanerStats } from '#log';
import { type LoopDelay, MetricsPage } from '../../../../shared/http-door/index.js';

export interface MeteredBroker {
  report(): BrokerReport;
  counters(): BrokerCounters;
  /** All 0 before the data is recovered. */
  groupReport(): GroupCoordinatorReport;
  readonly cleanerStats: CleanerStats | null;
  readonly queued: { readonly bytes: number };
}

const STATES: readonly BrokerReport['state'][] = ['recovering', 'registering', 'fenced', 'active', 'stopping', 'failed'];

export function brokerMetrics(broker: MeteredBroker, loopDelay: LoopDelay): MetricsPage {
  const page = new MetricsPage();
  const seconds = (ms: number | null) => (ms === null ? null : ms / 1_000);
  page.labelled('yak_broker_state', '1 for the state that the broker is in.', 'state', () => {
    const { state } = broker.report();
    return Object.fromEntries(STATES.map((name) => [name, name === state ? 1 : 0]));
  });
  page.gauge('yak_broker_epoch', 'Broker epoch of this registration; -1 when not registered.', () => broker.report().brokerEpoch);
  page.gauge('yak_broker_coordinator_epoch', 'Highest cluster-coordinator epoch heard of.', () => broker.report().coordinatorEpoch);
  page.gauge('yak_broker_metadata_revision', 'Revision of the metadata that this broker acts on.', () => broker.report().metadataRevision);
  page.gauge('yak_broker_degraded', '1 when the cluster coordinator did not answer within a session.', () =>
    Number(broker.report().isDegraded),
  );
  page.gauge('yak_broker_heartbeat_answered_age_seconds', 'Age of the last answered heartbeat.', () =>
    seconds(broker.report().lastHeartbeatAnsweredAgeMs),
  );
  page.gauge('yak_broker_oldest_sync_age_seconds', 'Age of the oldest running fdatasync; 0 when none runs.', () =>
    seconds(broker.report().oldestSyncAgeMs),
  );
  page.gauge('yak_broker_event_loop_delay_worst_seconds', 'Worst event loop delay of the last ten seconds.', () =>
    seconds(loopDelay.report.worstMs),
  );
  page.labelled('yak_broker_partitions', 'Replicas on this broker, by role or trouble.', 'kind', () => ({ ...broker.report().partitions }));
  page.counter('yak_broker_records_appended_total', 'Records appended as leader.', () => broker.counters().recordsAppended);
  page.counter('yak_broker_batches_appended_total', 'Record batches appended as leader.', () => broker.counters().batchesAppended);
  page.counter('yak_broker_bytes_appended_total', 'Bytes of record batches appended as leader.', () => broker.counters().bytesAppended);
  page.counter('yak_broker_bytes_fetched_total', 'Bytes of record batches answered to fetches.', () => broker.counters().bytesFetched);
  page.counter(
    'yak_broker_duplicates_answered_total',
    'Batches recognized as repeats of an idempotent producer.',
    () => broker.counters().duplicatesAnswered,
  );
  page.counter('yak_broker_truncations_total', 'Logs cut back to agree with their leader.', () => broker.counters().truncations);
  page.counter('yak_broker_isr_shrinks_total', 'In-sync replica sets made smaller by this leader.', () => broker.counters().isrShrinks);
  page.counter(
    'yak_broker_isr_expansions_total',
    'In-sync replica sets made larger by this leader.',
    () => broker.counters().isrExpansions,
  );
  page.counter(
    'yak_broker_leaders_gained_total',
    'Partitions that this broker became the leader of.',
    () => broker.counters().leadersGained,
  );
  page.labelled('yak_broker_group_shards', 'Partitions of __consumer_offsets led here, by state.', 'state', () => {
    const { shards, loading } = broker.groupReport();
    return { active: shards - loading, loading };
  });
  page.gauge('yak_broker_groups', 'Consumer groups that this broker coordinates.', () => broker.groupReport().groups);
  page.gauge('yak_broker_queued_bytes', 'What clients make this broker hold: requests and answers.', () => broker.queued.bytes);
  page.gauge('yak_broker_group_offsets', 'Committed offsets that this broker holds for them.', () => broker.groupReport().offsets);
  const cleaner = (name: keyof CleanerStats) => broker.cleanerStats?.[name] ?? 0;
  page.counter('yak_broker_cleanings_total', 'Compactions of a log that were finished.', () => cleaner('cleanings'));
  page.counter('yak_broker_cleaner_read_bytes_total', 'Bytes that compaction read.', () => cleaner('bytesRead'));
  page.counter('yak_broker_cleaner_written_bytes_total', 'Bytes that compaction wrote.', () => cleaner('bytesWritten'));
  page.counter('yak_broker_cleaner_dropped_records_total', 'Records that compaction dropped.', () => cleaner('recordsDropped'));
  return page;
}
