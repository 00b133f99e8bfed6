/** The admin verbs: forwarded to the cluster coordinator on behalf of the asker, answered when this broker sees the change. */
import { type RequestContext, YakError } from '#kernel';
import type { MetadataImage } from '#metadata';
import { onBehalfOf, type PatternKey, type RpcMessages } from '#rpc';
import type { AdminVerbs } from './admin-verbs.js';
import { isTopicReady } from './cluster.js';

export const ADMIN_TIMEOUT_MS_DEFAULT = 30_000;
/** The coordinator gets its whole time, and the way there and back on top. */
const FORWARD_MARGIN_MS = 1_000;

export interface AdminHost {
  forward<K extends PatternKey>(pattern: K, request: RpcMessages[K][0], timeoutMs: number): Promise<RpcMessages[K][1]>;
  waitForMetadata(condition: (image: MetadataImage) => boolean, timeoutMs: number): Promise<boolean>;
}

type ForwardedAdmin = 'createTopics' | 'deleteTopics' | 'createPartitions' | 'alterConfigs';

export class Admin implements AdminVerbs {
  constructor(private readonly host: AdminHost) {}

  createTopics(context: RequestContext, request: RpcMessages['createTopics'][0]) {
    return this.forwarded('createTopics', context, request, (response, image) =>
      response.topics.every((topic) => topic.error !== 'NONE' || request.validateOnly === true || isTopicReady(image, topic.name)),
    );
  }

  deleteTopics(context: RequestContext, request: RpcMessages['deleteTopics'][0]) {
    return this.forwarded('deleteTopics', context, request, (response, image) =>
      response.topics.every((topic) => topic.error !== 'NONE' || !image.topicsById.has(topic.topicId)),
    );
  }

  createPartitions(context: RequestContext, request: RpcMessages['createPartitions'][0]) {
    return this.forwarded('createPartitions', context, request, () => true);
  }

  alterConfigs(context: RequestContext, request: RpcMessages['alterConfigs'][0]) {
    return this.forwarded('alterConfigs', context, request, () => true);
  }

  async describeConfigs(): Promise<RpcMessages['describeConfigs'][1]> {
    throw new YakError('UNAVAILABLE', 'configs cannot be described yet');
  }

  async offsetsForLeaderEpochs(): ReturnType<AdminVerbs['offsetsForLeaderEpochs']> {
    throw new YakError('UNAVAILABLE', 'ends of leader epochs cannot be asked for yet');
  }

  private async forwarded<K extends ForwardedAdmin>(
    pattern: K,
    context: RequestContext,
    request: RpcMessages[K][0],
    isVisible: (response: RpcMessages[K][1], image: MetadataImage) => boolean,
  ): Promise<RpcMessages[K][1]> {
    const timeoutMs = request.timeoutMs ?? ADMIN_TIMEOUT_MS_DEFAULT;
    const response = await this.host.forward(pattern, { ...request, onBehalfOf: onBehalfOf(context) }, timeoutMs + FORWARD_MARGIN_MS);
    await this.host.waitForMetadata((image) => isVisible(response, image), timeoutMs);
    return response;
  }
}
