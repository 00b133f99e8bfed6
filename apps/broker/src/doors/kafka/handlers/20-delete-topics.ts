/** DeleteTopics: by name, from v6 on also by the id of exactly that topic. */
import type { DeleteTopicsRequest } from '#rpc';
import { type DeleteTopicsRequestBody, type DeleteTopicsResponseValue, deleteTopicsApi, ZERO_UUID } from '#wire';
import type { Handler } from '../handler.js';
import { outcome, type Refusal, repeated, undecided } from './admin-answers.js';

type Selector = DeleteTopicsRequest['topics'][number];
type Answer = DeleteTopicsResponseValue['responses'][number];
interface Asked {
  readonly name: string | null;
  readonly topicId: string;
}

const FIRST_SELECTOR_VERSION = 6;

export const deleteTopicsHandler: Handler<typeof deleteTopicsApi> = {
  api: deleteTopicsApi,
  limitations: ['Internal topics stay (INVALID_TOPIC_EXCEPTION).'],

  async handle({ broker }, { body, context, version }) {
    const asked = askedOf(body, version);
    const twice = repeated(asked.map(keyOf));
    const topics: Selector[] = [];
    const refused: Answer[] = [];
    const fine: Asked[] = [];
    for (const one of new Map(asked.map((each) => [keyOf(each), each])).values()) {
      const problem = problemOf(one, twice);
      if (problem !== null) refused.push(answer(version, one, problem));
      else {
        fine.push(one);
        topics.push(one.name === null ? { topicId: one.topicId } : { name: one.name });
      }
    }
    if (topics.length === 0) return { responses: refused };
    try {
      const decided = await broker.admin.deleteTopics(context, { topics, timeoutMs: body.timeoutMs });
      return { responses: [...decided.topics.map((topic) => answer(version, topic, topic)), ...refused] };
    } catch (failure) {
      const refusal = undecided(failure);
      return { responses: [...fine.map((each) => answer(version, each, refusal)), ...refused] };
    }
  },

  failed: ({ body, version }, error) => ({ responses: askedOf(body, version).map((each) => answer(version, each, { error })) }),
};

function askedOf({ topics, topicNames }: DeleteTopicsRequestBody, version: number): readonly Asked[] {
  return version < FIRST_SELECTOR_VERSION ? topicNames.map((name) => ({ name, topicId: ZERO_UUID })) : topics;
}

function keyOf({ name, topicId }: Asked): string {
  return name === null ? `id ${topicId}` : `name ${name} ${topicId}`;
}

function problemOf(asked: Asked, twice: ReadonlySet<string>): Refusal | null {
  const invalid = (message: string): Refusal => ({ error: 'INVALID_REQUEST', message });
  if (asked.name !== null && asked.topicId !== ZERO_UUID) return invalid('a topic is deleted by name or by id, not by both');
  if (asked.name === null && asked.topicId === ZERO_UUID) return invalid('neither a name nor an id was given');
  return twice.has(keyOf(asked)) ? invalid('the topic is named more than once') : null;
}

function answer(version: number, { name, topicId }: Asked, refusal: Refusal): Answer {
  return {
    name: name ?? (version < FIRST_SELECTOR_VERSION ? '' : null),
    topicId: topicId || ZERO_UUID,
    ...outcome(deleteTopicsApi.key, version, refusal),
  };
}
