/** Topics go, by name or by id. Brokers remove files only on this record, which names the topic id (R14). Internal topics stay. */
import type { TopicId } from '#kernel';
import { isInternalTopic } from '#kernel';
import type { TopicDeletedRecord } from '../records.js';
import type { Decision, DecisionState, Outcome } from './decision.js';

export interface DeletedTopic extends Outcome {
  readonly name: string | null;
  readonly topicId: TopicId;
}

export function deleteTopics(
  state: DecisionState,
  command: { readonly topics: readonly ({ readonly name: string } | { readonly topicId: TopicId })[] },
): Decision<{ readonly topics: readonly DeletedTopic[] }> {
  const { image } = state;
  const records = new Map<TopicId, TopicDeletedRecord>();
  const topics = command.topics.map((wanted): DeletedTopic => {
    const topic = 'name' in wanted ? image.topicsByName.get(wanted.name) : image.topicsById.get(wanted.topicId);
    if (!topic) {
      return 'name' in wanted
        ? { name: wanted.name, topicId: '', error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `there is no topic ${wanted.name}` }
        : { name: null, topicId: wanted.topicId, error: 'UNKNOWN_TOPIC_ID', message: `there is no topic with id ${wanted.topicId}` };
    }
    if (isInternalTopic(topic.name)) {
      const message = `${topic.name} is an internal topic: it cannot be deleted`;
      return { name: topic.name, topicId: topic.topicId, error: 'INVALID_TOPIC_EXCEPTION', message };
    }
    records.set(topic.topicId, { type: 'topic-deleted', version: 1, name: topic.name, topicId: topic.topicId });
    return { name: topic.name, topicId: topic.topicId, error: 'NONE' };
  });
  return { records: [...records.values()], response: { topics } };
}
