/**
 * What a partition remembers of idempotent producers: epoch and the last five batches each (KIP-98). It is a function of the
 * log up to its end (S11), so it is rebuilt after truncation and at recovery; followers keep it as leaders do. Times are this
 * broker's, never a record's: a producer that replays old timestamps must not expire at once (R25).
 */
import type { Offset, WallMs } from '#kernel';
import { recordBatch } from '#record';
import type { AppendOutcome } from './contract.js';
import { PRODUCER_BATCHES_REMEMBERED } from './limits.js';

export interface ProducerBatch {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: Offset;
  /** Inclusive. */
  readonly lastOffset: Offset;
}

export interface ProducerEntry {
  producerEpoch: number;
  /** Oldest first; at most PRODUCER_BATCHES_REMEMBERED, at least one. */
  batches: ProducerBatch[];
  lastSeenMs: WallMs;
}

export class ProducerState {
  /** Highest producer id ever recorded here, expired ones included; -1 when none. */
  maxProducerId = -1;
  readonly producers = new Map<number, ProducerEntry>();

  /** Null: append it. Otherwise the answer, in the order of checks that Kafka has. The batch must have a producer id. */
  check(batch: Buffer): Exclude<AppendOutcome, { kind: 'appended' }> | null {
    const entry = this.producers.get(recordBatch.producerId(batch));
    if (entry === undefined) return null;
    const epoch = recordBatch.producerEpoch(batch);
    const firstSequence = recordBatch.baseSequence(batch);
    if (epoch === entry.producerEpoch) {
      const lastSequence = recordBatch.lastSequence(batch);
      const known = entry.batches.find((each) => each.firstSequence === firstSequence && each.lastSequence === lastSequence);
      if (known) return { kind: 'duplicate', baseOffset: known.baseOffset, lastOffset: known.lastOffset };
      const expected = recordBatch.addToSequence(entry.batches.at(-1)!.lastSequence, 1);
      return firstSequence === expected ? null : outOfOrder(batch, `sequence ${firstSequence}, expected ${expected}`);
    }
    if (epoch < entry.producerEpoch) {
      return {
        kind: 'refused',
        error: 'INVALID_PRODUCER_EPOCH',
        message: `producer ${recordBatch.producerId(batch)} sent epoch ${epoch}; it already wrote with epoch ${entry.producerEpoch}`,
      };
    }
    return firstSequence === 0 ? null : outOfOrder(batch, `sequence ${firstSequence} at the start of epoch ${epoch}, expected 0`);
  }

  /** Takes note of a batch that is in the log. Batches without producer id change nothing. */
  record(batch: Buffer, at: number, nowMs: WallMs): void {
    const producerId = recordBatch.producerId(batch, at);
    if (producerId < 0) return;
    if (producerId > this.maxProducerId) this.maxProducerId = producerId;
    if (recordBatch.isControl(batch, at)) return;
    const seen: ProducerBatch = {
      firstSequence: recordBatch.baseSequence(batch, at),
      lastSequence: recordBatch.lastSequence(batch, at),
      baseOffset: recordBatch.baseOffset(batch, at),
      lastOffset: recordBatch.lastOffset(batch, at),
    };
    const producerEpoch = recordBatch.producerEpoch(batch, at);
    const entry = this.producers.get(producerId);
    if (entry === undefined || entry.producerEpoch !== producerEpoch) {
      this.producers.set(producerId, { producerEpoch, batches: [seen], lastSeenMs: nowMs });
      return;
    }
    entry.batches.push(seen);
    if (entry.batches.length > PRODUCER_BATCHES_REMEMBERED) entry.batches.shift();
    entry.lastSeenMs = nowMs;
  }

  /** True when cutting the log at `offset` takes a batch that is remembered here. */
  isTouchedByTruncationTo(offset: Offset): boolean {
    for (const entry of this.producers.values()) if (entry.batches.at(-1)!.lastOffset >= offset) return true;
    return false;
  }

  expire(nowMs: WallMs, producerIdExpirationMs: number): void {
    for (const [producerId, entry] of this.producers) {
      if (nowMs - entry.lastSeenMs >= producerIdExpirationMs) this.producers.delete(producerId);
    }
  }

  clear(): void {
    this.producers.clear();
  }
}

function outOfOrder(batch: Buffer, what: string): { kind: 'refused'; error: 'OUT_OF_ORDER_SEQUENCE_NUMBER'; message: string } {
  return { kind: 'refused', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', message: `producer ${recordBatch.producerId(batch)} sent ${what}` };
}
