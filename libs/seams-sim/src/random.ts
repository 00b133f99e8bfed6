/**
 * Seeded chance (sfc32). A generator is split by name, not by drawing from it: `fork('network')` depends on the seed and the
 * names alone, so that a new consumer of chance in one place does not change the draws of another.
 */
import type { Random } from '#seams';

export class SimRandom implements Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(private readonly seed: number | string) {
    const hash = hashText(String(seed));
    this.a = hash;
    this.b = Math.imul(hash ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
    this.c = Math.imul(hash ^ 0x243f6a88, 0xc2b2ae35) >>> 0;
    for (let warmUp = 0; warmUp < 12; warmUp++) this.uint32();
  }

  /** An independent generator; the same name gives the same one again, from its start. */
  fork(name: string): SimRandom {
    return new SimRandom(`${this.seed}/${name}`);
  }

  uint32(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    return sum >>> 0;
  }

  next(): number {
    return this.uint32() / 2 ** 32;
  }

  integer(maxExclusive: number): number {
    return Math.floor(this.next() * maxExclusive);
  }

  /** Integer, both bounds inclusive. */
  between(min: number, max: number): number {
    return min + this.integer(max - min + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(choices.length)]!;
  }

  bytes(length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    for (let index = 0; index < length; index++) buffer[index] = this.uint32() & 0xff;
    return buffer;
  }
}

/** FNV-1a with a final mix; 32 bits. */
export function hashText(text: string, start = 0x811c9dc5): number {
  let hash = start;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
