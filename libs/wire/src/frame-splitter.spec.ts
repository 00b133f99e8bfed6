import fc from 'fast-check';
import { FrameSplitter } from './frame-splitter.js';
import { WireError } from './wire-error.js';

function framed(payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(4 + payload.length);
  frame.writeInt32BE(payload.length, 0);
  frame.set(payload, 4);
  return frame;
}

function drain(splitter: FrameSplitter): Buffer[] {
  const frames: Buffer[] = [];
  for (let frame = splitter.next(); frame !== null; frame = splitter.next()) frames.push(frame);
  return frames;
}

it('frames come out as they went in, however the stream was cut into chunks', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 8, max: 20_000 }), { minLength: 1, maxLength: 6 }),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 9000 })), { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      (sizes, cuts, eager) => {
        const payloads = sizes.map((size, i) => Buffer.from(Array.from({ length: size }, (_, at) => (at * 7 + i) & 0xff)));
        const stream = Buffer.concat(payloads.map(framed));
        const splitter = new FrameSplitter(8, 1 << 20);
        const frames: Buffer[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const chunk = stream.subarray(at, at + cuts[i % cuts.length]!);
          splitter.push(Buffer.from(chunk));
          at += chunk.length;
          if (eager) frames.push(...drain(splitter));
        }
        frames.push(...drain(splitter));
        expect(frames.map((frame) => frame.toString('hex'))).toEqual(payloads.map((payload) => payload.toString('hex')));
        expect(splitter.bufferedBytes).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});

it('a frame inside one chunk is a view of it, a large one is assembled once', () => {
  const splitter = new FrameSplitter(8, 1 << 20);
  const chunk = Buffer.concat([framed(Buffer.alloc(10, 1)), framed(Buffer.alloc(20, 2))]);
  splitter.push(chunk);
  const [first, second] = drain(splitter);
  expect(first!.buffer).toBe(chunk.buffer);
  expect(second!.buffer).toBe(chunk.buffer);
});

it('sizes that no frame may have are refused as soon as they are seen', () => {
  for (const size of [-1, 0, 7, 1025, 0x7fffffff]) {
    const splitter = new FrameSplitter(8, 1024);
    const head = Buffer.alloc(4);
    head.writeInt32BE(size, 0);
    splitter.push(head.subarray(0, 1));
    expect(splitter.next()).toBeNull();
    splitter.push(head.subarray(1));
    expect(() => splitter.next()).toThrow(WireError);
  }
});

it('a declared length allocates nothing, and bytes that trickle in cost no object each', () => {
  const splitter = new FrameSplitter(8, 104_857_600);
  const head = Buffer.alloc(4);
  head.writeInt32BE(104_857_600, 0);
  splitter.push(head);
  for (let i = 0; i < 100_000; i++) splitter.push(Buffer.from([1]));
  expect(splitter.next()).toBeNull();
  expect(splitter.bufferedBytes).toBe(100_004);
  expect(splitter.chunkCount).toBeLessThan(10);
});
