/**
 * `/v1/leaders` of both processes: who leads which partition, as JSON, or as server-sent events: first one `leaders` event
 * with everything, then one `leader` event per change. A reader that comes back starts from the whole state again.
 */
import type { EventStream } from './event-stream.js';
import type { HttpAnswer } from './http-door.js';

export interface LeaderView {
  readonly topic: string;
  readonly partition: number;
  /** -1: nobody leads. */
  readonly leader: number;
  readonly leaderEpoch: number;
}

export interface LeaderSource {
  clusterId(): string | null;
  revision(): number;
  leaders(): readonly LeaderView[];
  /** The listener gets each partition whose leader or leader epoch changed; the answer stops it. */
  onChange(listener: (change: LeaderView) => void): () => void;
}

export function leadersView(source: LeaderSource): HttpAnswer {
  return { status: 200, body: snapshotOf(source) };
}

export function feedLeaders(source: LeaderSource, stream: EventStream): void {
  stream.send('leaders', snapshotOf(source), source.revision());
  const stop = source.onChange((change) => stream.send('leader', change, source.revision()));
  stream.onClose(stop);
}

function snapshotOf(source: LeaderSource) {
  return { clusterId: source.clusterId(), revision: source.revision(), leaders: source.leaders() };
}
