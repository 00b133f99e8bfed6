// The limit for what all clients together make a broker hold.
import type { Clock } from '#seams';
import { FETCH_BYTES_MIN, QUEUED_BYTES_AGE_MS, QueuedBytes } from './queued-bytes.js';

const MIB = 1 << 20;
let nowMs: number;
let held: number;

function queuedBytes(limitBytes: number): QueuedBytes {
  nowMs = 0;
  held = 0;
  const queued = new QueuedBytes({ monotonicMs: () => nowMs } as Clock, limitBytes);
  queued.watch(() => held);
  queued.watch(() => MIB);
  return queued;
}

it('sums what the doors hold, and between two sums what was answered since', () => {
  const queued = queuedBytes(8 * MIB);
  held = 2 * MIB;
  expect(queued.bytes).toBe(3 * MIB);
  queued.noteAnswer(4 * MIB);
  expect([queued.bytes, queued.isFull]).toEqual([7 * MIB, false]);
  queued.noteAnswer(MIB);
  expect(queued.isFull).toBe(true);
  // The answers are in the doors' own sum now, or have left.
  nowMs += QUEUED_BYTES_AGE_MS;
  expect([queued.bytes, queued.isFull]).toEqual([3 * MIB, false]);
});

it('what is being read from disk counts until it is there', () => {
  const queued = queuedBytes(8 * MIB);
  const isRead = queued.noteReading(7 * MIB);
  nowMs += QUEUED_BYTES_AGE_MS;
  expect(queued.isFull).toBe(true);
  isRead();
  expect(queued.bytes).toBe(MIB);
});

it('answers get smaller as room gets less, never useless, and none when there is none', () => {
  const queued = queuedBytes(9 * MIB);
  expect(queued.nextAnswerBytes()).toBe(2 * MIB);
  queued.noteAnswer(8 * MIB - 1_000);
  expect(queued.nextAnswerBytes()).toBe(FETCH_BYTES_MIN);
  queued.noteAnswer(1_000);
  expect(queued.nextAnswerBytes()).toBe(0);
});

it('without a limit nobody is asked', () => {
  const queued = queuedBytes(Number.POSITIVE_INFINITY);
  queued.watch(() => {
    throw new Error('asked');
  });
  expect([queued.isFull, queued.nextAnswerBytes()]).toEqual([false, Number.POSITIVE_INFINITY]);
});
