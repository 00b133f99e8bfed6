/** The events of the future, ordered by (time, seeded tie-break, sequence): a total order, so a seed always replays. */
import type { SimProcess } from './process.js';

export interface SimEvent {
  timeUs: number;
  readonly tie: number;
  readonly sequence: number;
  /** Whose code runs; null: the world's (devices, wires, nemesis). */
  readonly process: SimProcess | null;
  readonly kind: string;
  readonly run: () => void;
  isCancelled: boolean;
}

export class EventHeap {
  private readonly heap: SimEvent[] = [];

  get size(): number {
    return this.heap.length;
  }

  peek(): SimEvent | undefined {
    return this.heap[0];
  }

  push(event: SimEvent): void {
    const heap = this.heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  pop(): SimEvent | undefined {
    const heap = this.heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return top;
  }
}

function isBefore(left: SimEvent, right: SimEvent): boolean {
  if (left.timeUs !== right.timeUs) return left.timeUs < right.timeUs;
  if (left.tie !== right.tie) return left.tie < right.tie;
  return left.sequence < right.sequence;
}
