/** What `yak produce` did: counted while answers come in, printed while it runs and at the end. */
import { formatBytes, formatCount } from '../../shared/command/figures.js';

export interface PartitionSummary {
  readonly partition: number;
  records: number;
  /** -1: not told (acks 0). Both inclusive. */
  firstOffset: number;
  lastOffset: number;
}

export class ProduceSummary {
  /** Handed to the producer; keys and values only. */
  recordsRead = 0;
  bytesRead = 0;
  recordsFailed = 0;
  firstFailure: Error | null = null;
  private readonly partitions = new Map<number, PartitionSummary>();

  acknowledged(partition: number, baseOffset: number, records: number): void {
    const lastOffset = baseOffset < 0 ? -1 : baseOffset + records - 1;
    const known = this.partitions.get(partition);
    if (known === undefined) {
      this.partitions.set(partition, { partition, records, firstOffset: baseOffset, lastOffset });
      return;
    }
    known.records += records;
    if (baseOffset < 0) return;
    known.firstOffset = known.firstOffset < 0 ? baseOffset : Math.min(known.firstOffset, baseOffset);
    known.lastOffset = Math.max(known.lastOffset, lastOffset);
  }

  failed(records: number, error: Error): void {
    this.recordsFailed += records;
    this.firstFailure ??= error;
  }

  get recordsAcknowledged(): number {
    let records = 0;
    for (const one of this.partitions.values()) records += one.records;
    return records;
  }

  toJson(topic: string, tookMs: number, retries: number): object {
    const seconds = tookMs / 1000;
    return {
      topic,
      records: this.recordsAcknowledged,
      bytes: this.bytesRead,
      failed: this.recordsFailed,
      seconds: Math.round(tookMs) / 1000,
      recordsPerSecond: rate(this.recordsAcknowledged, seconds),
      bytesPerSecond: rate(this.bytesRead, seconds),
      retries,
      partitions: this.inOrder(),
    };
  }

  toText(topic: string, tookMs: number, retries: number): string {
    const seconds = tookMs / 1000;
    const records = this.recordsAcknowledged;
    const failed = this.recordsFailed === 0 ? '' : `, ${formatCount(this.recordsFailed)} NOT acknowledged`;
    return [
      `${formatCount(records)} ${plural(records)}, ${formatBytes(this.bytesRead)} in ${seconds.toFixed(2)} s: ${formatCount(rate(records, seconds))} records/s, ` +
        `${formatBytes(rate(this.bytesRead, seconds))}/s, ${formatCount(retries)} retries${failed}`,
      ...this.inOrder().map((one) => {
        const offsets = one.firstOffset < 0 ? 'offsets unknown (acks 0)' : `offsets ${one.firstOffset} to ${one.lastOffset}`;
        return `  ${topic}-${one.partition}  ${offsets}, ${formatCount(one.records)} ${plural(one.records)}`;
      }),
    ].join('\n');
  }

  private inOrder(): PartitionSummary[] {
    return [...this.partitions.values()].sort((a, b) => a.partition - b.partition);
  }
}

function plural(records: number): string {
  return records === 1 ? 'record' : 'records';
}

function rate(amount: number, seconds: number): number {
  return seconds <= 0 ? 0 : Math.round(amount / seconds);
}
