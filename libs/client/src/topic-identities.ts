/**
 * Which topic a name meant when reading began: offsets are of one topic, not of a name. A topic that only seems to be gone
 * (one process says so) gets a moment.
 */
import type { MonotonicMs } from '#kernel';
import { KafkaError } from '#kernel';
import type { MetadataResponse } from '#rpc';
import type { ClientCore } from './client-core.js';
import { UNKNOWN_TOPIC_MS } from './options.js';

interface Identity {
  readonly topicId: string | null;
  /** Since when every answer said that the topic does not exist. */
  goneSince: MonotonicMs | null;
}

export class TopicIdentities {
  private readonly topics = new Map<string, Identity>();

  constructor(private readonly core: ClientCore) {}

  remember(topic: string): void {
    if (!this.topics.has(topic)) this.topics.set(topic, { topicId: this.core.metadata.topicId(topic), goneSince: null });
  }

  forget(topic: string): void {
    this.topics.delete(topic);
  }

  /** The topics that are not what they were, for now at least; `gone` is told of those that will not come back. */
  check(response: MetadataResponse, gone: (topic: string, error: KafkaError) => void): ReadonlySet<string> {
    const missing = new Set<string>();
    for (const [topic, identity] of [...this.topics]) {
      const topicId = this.core.metadata.topicId(topic);
      if (topicId === identity.topicId) {
        identity.goneSince = null;
        continue;
      }
      missing.add(topic);
      if (topicId !== null) {
        const message = `topic ${topic} was deleted and made anew while it was read; start again to read the new one`;
        gone(topic, new KafkaError('UNKNOWN_TOPIC_ID', message));
      } else if (response.topics.some((answer) => answer.name === topic)) {
        const now = this.core.seams.clock.monotonicMs();
        identity.goneSince ??= now;
        const isGone = now - identity.goneSince >= UNKNOWN_TOPIC_MS;
        if (isGone) gone(topic, new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} was deleted while it was read`));
      }
    }
    return missing;
  }
}
