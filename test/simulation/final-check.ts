/**
 * The judgement after everything healed, on the raw files of every replica, not through any of the code under test but the
 * record decoder: H1 nothing acknowledged is lost, H3 nothing is there twice, H2/S3 the same bytes at the same offset on all
 * replicas, H6 the order of each producer is kept, H5/H10 the consumer saw exactly this.
 */
import { decodeRecords, isCrcValid, recordBatch } from '#record';
import { Violation } from './checkers.js';
import type { SimCluster } from './cluster.js';
import { BROKERS } from './swarm-options.js';
import { parseValue, type Workload } from './workload.js';

export function finalCheck(cluster: SimCluster, workload: Workload, partitions: number): void {
  for (let partition = 0; partition < partitions; partition++) {
    const end = cluster.committedEnd(partition);
    const replicas = BROKERS.map((id) => rawLog(cluster, id, partition, end));
    replicas.forEach((replica, id) => {
      if (replica.equals(replicas[0]!)) return;
      throw new Violation('S3', `partition ${partition}: ${firstDifference(replicas[0]!, replica)} between broker 0 and broker ${id}`);
    });
    const values = valuesOf(replicas[0]!, partition, end);
    checkAcknowledged(workload, partition, values);
    checkOnceAndInOrder(partition, values);
    checkConsumed(workload.consumed[partition]!, partition, values);
  }
}

/** All batches below `end`, as they lie in the segment files. */
function rawLog(cluster: SimCluster, brokerId: number, partition: number, end: number): Buffer {
  const files = cluster.segmentFiles(brokerId, partition);
  const batches: Buffer[] = [];
  for (const file of files) {
    for (let at = 0; at + recordBatch.HEADER_BYTES <= file.length; ) {
      const problem = recordBatch.headerProblem(file, at, file.length);
      if (problem !== null) throw new Violation('S13', `broker ${brokerId}, partition ${partition}: ${problem} at byte ${at} of a segment`);
      const batch = file.subarray(at, at + recordBatch.sizeInBytes(file, at));
      if (recordBatch.lastOffset(batch) >= end) return Buffer.concat(batches);
      if (!isCrcValid(batch))
        throw new Violation('H10', `broker ${brokerId}, partition ${partition}: CRC of the batch at ${recordBatch.baseOffset(batch)}`);
      batches.push(batch);
      at += batch.length;
    }
  }
  return Buffer.concat(batches);
}

function firstDifference(left: Buffer, right: Buffer): string {
  if (left.length !== right.length) return `${left.length} and ${right.length} bytes below the high watermark`;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return `byte ${at} differs`;
  return 'no difference';
}

function valuesOf(log: Buffer, partition: number, end: number): string[] {
  const values: string[] = [];
  for (let at = 0; at < log.length; ) {
    const batch = log.subarray(at, at + recordBatch.sizeInBytes(log, at));
    for (const record of decodeRecords(batch)) {
      if (record.offset !== values.length)
        throw new Violation('H2', `partition ${partition}: offset ${record.offset} follows ${values.length - 1}`);
      values.push(record.value!.toString());
    }
    at += batch.length;
  }
  if (values.length !== end) throw new Violation('H1', `partition ${partition} has ${values.length} records, ${end} were committed`);
  return values;
}

function checkAcknowledged(workload: Workload, partition: number, values: readonly string[]): void {
  for (const record of workload.acknowledged) {
    if (record.partition !== partition) continue;
    const stored = values[record.offset];
    if (stored === record.value) continue;
    const found = values.indexOf(record.value);
    throw new Violation(
      'H1',
      `acknowledged ${nameOf(record.value)} at ${partition}/${record.offset}: ${found < 0 ? 'it is nowhere' : `it is at ${found}`}, there is ${stored === undefined ? 'nothing' : nameOf(stored)}`,
    );
  }
}

function checkOnceAndInOrder(partition: number, values: readonly string[]): void {
  const next = new Map<number, number>();
  values.forEach((value, offset) => {
    const parsed = parseValue(value);
    if (parsed.partition !== partition) throw new Violation('H2', `${nameOf(value)} lies in partition ${partition}`);
    const expected = next.get(parsed.producer) ?? 0;
    if (parsed.sequence < expected) throw new Violation('H3', `${nameOf(value)} is at ${partition}/${offset} again or too late`);
    if (parsed.sequence > expected) throw new Violation('H6', `${nameOf(value)} is at ${partition}/${offset} before number ${expected}`);
    next.set(parsed.producer, expected + 1);
  });
}

function checkConsumed(consumed: readonly string[], partition: number, values: readonly string[]): void {
  values.forEach((value, offset) => {
    if (consumed[offset] === value) return;
    throw new Violation(
      'H5',
      `consumer read ${nameOf(consumed[offset] ?? 'nothing')} at ${partition}/${offset}, stored is ${nameOf(value)}`,
    );
  });
}

function nameOf(value: string): string {
  return `"${value.split(':', 3).join(':')}"`;
}
