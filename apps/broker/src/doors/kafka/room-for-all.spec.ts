// Who waits for memory goes on when there is some, and once in a while without: nobody waits for ever for others who wait, too.
import type { QueuedBytes } from '#broker-core';
import type { Logger } from '#seams';
import { ROOM_INTERVAL_MS, ROOM_TURN_MS, RoomQueue } from './room-for-all.js';

function world() {
  let nowMs = 0;
  let task: (() => void) | null = null;
  const warnings: string[] = [];
  const queued = { isFull: true, bytes: 9, limitBytes: 8 };
  const scheduler = {
    after: (_delayMs: number, next: () => void) => {
      task = next;
      return { cancel: () => (task = null) };
    },
  };
  const logger = { warn: (message: string) => warnings.push(message) } as unknown as Logger;
  const seams = { clock: { monotonicMs: () => nowMs }, scheduler, logger };
  const room = new RoomQueue(queued as unknown as QueuedBytes, seams as never);
  const pass = (ms: number): void => {
    for (const until = nowMs + ms; nowMs < until; nowMs += ROOM_INTERVAL_MS) {
      const due = task;
      task = null;
      due?.();
    }
  };
  return { room, queued, pass, warnings, isIdle: () => task === null };
}

it('all go on as soon as there is room, and nothing ticks while nobody waits', () => {
  const { room, queued, pass, warnings, isIdle } = world();
  const calls: string[] = [];
  room.wait((isItsTurn) => calls.push(`a ${isItsTurn}`));
  room.wait((isItsTurn) => calls.push(`b ${isItsTurn}`));
  pass(5 * ROOM_INTERVAL_MS);
  expect(calls).toEqual([]);
  queued.isFull = false;
  pass(ROOM_INTERVAL_MS);
  expect(calls).toEqual(['a false', 'b false']);
  pass(ROOM_INTERVAL_MS);
  expect(isIdle()).toBe(true);
  expect(warnings).toHaveLength(1);
});

it('without room one after the other has its turn', () => {
  const { room, pass } = world();
  const calls: string[] = [];
  for (const name of ['a', 'b']) room.wait((isItsTurn) => calls.push(`${name} ${isItsTurn}`));
  pass(ROOM_TURN_MS + ROOM_INTERVAL_MS);
  expect(calls).toEqual(['a true']);
  pass(ROOM_TURN_MS + ROOM_INTERVAL_MS);
  expect(calls).toEqual(['a true', 'b true']);
});
