/** Admin verbs that the test answers: `calls` has what was asked, `failure` what they fail with, `refuse` what names get instead of success. */
import type { AdminVerbs } from '#broker-core';
import type { KafkaErrorName, RequestContext } from '#kernel';
import type { ConfigEntry } from '#rpc';

type Request<V extends keyof AdminVerbs> = Parameters<AdminVerbs[V]>[1];

export const ENTRY: ConfigEntry = {
  name: 'retention.ms',
  value: '5',
  source: 'topic',
  isReadOnly: false,
  isSensitive: false,
  type: 'long',
  documentation: 'How long.',
  synonyms: [
    { name: 'retention.ms', value: '5', source: 'topic' },
    { name: 'log.retention.ms', value: '6', source: 'static-broker' },
    { name: 'log.retention.ms', value: '7', source: 'default' },
  ],
};

export class FakeAdmin implements AdminVerbs {
  readonly calls: { readonly verb: keyof AdminVerbs; readonly context: RequestContext; readonly request: unknown }[] = [];
  failure: Error | null = null;
  readonly refuse = new Map<string, { error: KafkaErrorName; message?: string }>();
  mayDescribeConfigs = true;

  async createTopics(context: RequestContext, request: Request<'createTopics'>) {
    this.note('createTopics', context, request);
    return {
      topics: request.topics.map(({ name }) => {
        const refusal = this.refuse.get(name);
        if (refusal) return { name, topicId: '', partitions: -1, replicationFactor: -1, ...refusal };
        return { name, topicId: 'AAECAwQFBgcICQoLDA0ODw', error: 'NONE' as const, partitions: 6, replicationFactor: 3 };
      }),
    };
  }

  async electLeader(context: RequestContext, request: Request<'electLeader'>) {
    this.note('electLeader', context, request);
    return { error: 'NONE' as const, leader: 0, leaderEpoch: 1, isr: [0], possibleLoss: false, waitsFor: null };
  }

  async deleteTopics(context: RequestContext, request: Request<'deleteTopics'>) {
    this.note('deleteTopics', context, request);
    return {
      topics: request.topics.map((topic) => {
        const name = 'name' in topic ? topic.name : null;
        return { name, topicId: 'topicId' in topic ? topic.topicId : '', ...(this.refuse.get(name ?? '') ?? { error: 'NONE' as const }) };
      }),
    };
  }

  async createPartitions(context: RequestContext, request: Request<'createPartitions'>) {
    this.note('createPartitions', context, request);
    return { topics: request.topics.map(({ name }) => ({ name, ...(this.refuse.get(name) ?? { error: 'NONE' as const }) })) };
  }

  async alterConfigs(context: RequestContext, request: Request<'alterConfigs'>) {
    this.note('alterConfigs', context, request);
    return {
      resources: request.resources.map(({ type, name }) => ({ type, name, ...(this.refuse.get(name) ?? { error: 'NONE' as const }) })),
    };
  }

  async describeConfigs(context: RequestContext, request: Request<'describeConfigs'>) {
    this.note('describeConfigs', context, request);
    return {
      resources: request.resources.map(({ type, name }) => {
        const refusal = this.refuse.get(name);
        return refusal ? { type, name, ...refusal, configs: [] } : { type, name, error: 'NONE' as const, configs: [ENTRY] };
      }),
    };
  }

  configsOfNewTopic() {
    return this.mayDescribeConfigs ? [ENTRY] : null;
  }

  async offsetsForLeaderEpochs(context: RequestContext, request: Request<'offsetsForLeaderEpochs'>) {
    this.note('offsetsForLeaderEpochs', context, request);
    return {
      partitions: request.partitions.map(({ topic, partition }) => ({
        topic,
        partition,
        error: 'NONE' as const,
        leaderEpoch: 1,
        endOffset: 2,
      })),
    };
  }

  private note(verb: keyof AdminVerbs, context: RequestContext, request: unknown): void {
    this.calls.push({ verb, context, request });
    if (this.failure) throw this.failure;
  }
}
