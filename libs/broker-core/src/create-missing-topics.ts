/** The first mention of a topic creates it, where the cluster is configured so: asked of the cluster coordinator, and waited for. */
import { type RequestContext, YakError } from '#kernel';
import { onBehalfOf } from '#rpc';
import type { Logger } from '#seams';
import { isTopicReady } from './cluster.js';
import type { CoordinatorLink } from './coordinator-link.js';

/** How long a first mention of a topic waits for it to be created with leaders. */
export const AUTO_CREATE_TIMEOUT_MS = 5_000;

/** True when all that were not refused have leaders in this broker's own metadata; false when that has to wait. */
export async function createMissingTopics(
  link: CoordinatorLink,
  logger: Logger,
  context: RequestContext,
  names: readonly string[],
): Promise<boolean> {
  try {
    const response = await link.request(
      'createTopics',
      { topics: names.map((name) => ({ name })), timeoutMs: AUTO_CREATE_TIMEOUT_MS, onBehalfOf: onBehalfOf(context) },
      AUTO_CREATE_TIMEOUT_MS,
    );
    for (const topic of response.topics) {
      if (topic.error !== 'NONE' && topic.error !== 'TOPIC_ALREADY_EXISTS') {
        logger.warn('automatic topic creation refused', { topic: topic.name, error: topic.error, reason: topic.message });
      }
    }
    const expected = response.topics.filter((topic) => topic.error === 'NONE' || topic.error === 'TOPIC_ALREADY_EXISTS');
    return await link.waitFor((image) => expected.every((topic) => isTopicReady(image, topic.name)), AUTO_CREATE_TIMEOUT_MS);
  } catch (error) {
    if (!(error instanceof YakError)) throw error;
    logger.warn('automatic topic creation has to wait', { topics: names, reason: error.message });
    return false;
  }
}
