/** CreatePartitions: more partitions for a topic that exists; forwarded by the verb. */
import type { CreatePartitionsRequest } from '#rpc';
import { type CreatePartitionsRequestBody, type CreatePartitionsResponseValue, createPartitionsApi } from '#wire';
import type { Handler } from '../handler.js';
import { outcome, type Refusal, repeated, undecided } from './admin-answers.js';

type Asked = CreatePartitionsRequestBody['topics'][number];

export const createPartitionsHandler: Handler<typeof createPartitionsApi> = {
  api: createPartitionsApi,
  limitations: ['Internal topics keep their partitions (INVALID_TOPIC_EXCEPTION).'],

  async handle({ broker }, { body, context, version }) {
    const twice = repeated(body.topics.map(({ name }) => name));
    const refused = Array.from(twice, (name) =>
      answer(version, name, { error: 'INVALID_REQUEST', message: 'the topic is named more than once' }),
    );
    const topics = body.topics.filter(({ name }) => !twice.has(name)).map(toVerb);
    if (topics.length === 0) return { results: refused };
    try {
      const { timeoutMs, validateOnly } = body;
      const decided = await broker.admin.createPartitions(context, { topics, timeoutMs, validateOnly });
      return { results: [...decided.topics.map((topic) => answer(version, topic.name, topic)), ...refused] };
    } catch (failure) {
      const refusal = undecided(failure);
      return { results: [...topics.map(({ name }) => answer(version, name, refusal)), ...refused] };
    }
  },

  failed: ({ body, version }, error) => ({ results: body.topics.map(({ name }) => answer(version, name, { error })) }),
};

function toVerb({ name, count, assignments }: Asked): CreatePartitionsRequest['topics'][number] {
  const rows = assignments?.map(({ brokerIds }) => brokerIds) ?? [];
  return { name, totalCount: count, ...(rows.length > 0 && { assignments: rows }) };
}

function answer(version: number, name: string, refusal: Refusal): CreatePartitionsResponseValue['results'][number] {
  return { name, ...outcome(createPartitionsApi.key, version, refusal) };
}
