/**
 * Who leads what, out of metadata images as they come: remembers the last one and tells listeners which partitions changed
 * their leader or leader epoch. Several changes between two images arrive as one: the last.
 */
import type { MetadataImage } from '#metadata';
import type { LeaderSource, LeaderView } from './http-door/index.js';

export class LeaderWatch implements LeaderSource {
  private image: MetadataImage;
  private readonly listeners = new Set<(change: LeaderView) => void>();

  constructor(image: MetadataImage) {
    this.image = image;
  }

  clusterId(): string | null {
    return this.image.cluster?.clusterId ?? null;
  }

  revision(): number {
    return this.image.revision;
  }

  leaders(): LeaderView[] {
    return [...leadersOf(this.image)];
  }

  onChange(listener: (change: LeaderView) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The next image; the same one again is nothing new. */
  advance(image: MetadataImage): void {
    const before = this.image;
    this.image = image;
    if (image === before || this.listeners.size === 0) return;
    for (const now of leadersOf(image)) {
      const topicId = image.topicsByName.get(now.topic)!.topicId;
      const was = before.partition(topicId, now.partition);
      if (was?.leader === now.leader && was.leaderEpoch === now.leaderEpoch) continue;
      for (const listener of this.listeners) listener(now);
    }
  }
}

function* leadersOf(image: MetadataImage): IterableIterator<LeaderView> {
  for (const topic of image.topicsById.values()) {
    for (const { partition, leader, leaderEpoch } of image.partitionsOf(topic.topicId)) {
      yield { topic: topic.name, partition, leader, leaderEpoch };
    }
  }
}
