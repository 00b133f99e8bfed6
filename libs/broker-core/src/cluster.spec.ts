// Automatic creation as the metadata verb asks for it: in whose name, and how much at a time.
import { allowAll, type RequestContext } from '#kernel';
import { MetadataImage } from '#metadata';
import type { BrokerState } from './broker-state.js';
import { AUTO_CREATE_TOPICS_MAX, cluster } from './cluster.js';

const context = { principal: 'User:alice', clientId: null, clientAddress: '10.1.2.3:4' } as RequestContext;
const broker = { brokerId: 0, image: MetadataImage.empty(), authorizer: allowAll } as unknown as BrokerState;

it('missing topics are created in the name of who asks, each once, and only so many for one question', async () => {
  const created: { names: readonly string[]; context: RequestContext }[] = [];
  const creator = {
    isAllowed: true,
    create: async (names: readonly string[], by: RequestContext) => created.push({ names, context: by }) > 0,
  };
  const names = Array.from({ length: AUTO_CREATE_TOPICS_MAX + 50 }, (_, i) => `t${i}`);
  const topics = ['t0', 'not/legal', ...names].map((name) => ({ name }));
  const view = await cluster(broker, creator, context, { topics, allowAutoTopicCreation: true });
  expect(created).toEqual([{ names: names.slice(0, AUTO_CREATE_TOPICS_MAX), context }]);
  expect(view.topics).toHaveLength(topics.length);
  expect(view.topics.at(-1)!.error).toBe('LEADER_NOT_AVAILABLE');
  expect(view.topics[0]!.error).toBe('UNKNOWN_TOPIC_OR_PARTITION');
});

it('a question that names very many missing topics costs as much as it is long, not its square', async () => {
  const creator = { isAllowed: true, create: async () => true };
  const topics = Array.from({ length: 150_000 }, (_, i) => ({ name: `missing${i}` }));
  const view = await cluster(broker, creator, context, { topics, allowAutoTopicCreation: true });
  expect(view.topics.filter((topic) => topic.error === 'LEADER_NOT_AVAILABLE')).toHaveLength(topics.length - AUTO_CREATE_TOPICS_MAX);
});

it('a topic that only waits for the coordinator is not called unknown', async () => {
  const creator = { isAllowed: true, create: async () => false };
  const topics = [{ name: 'waits' }, { name: 'not/legal' }];
  const view = await cluster(broker, creator, context, { topics, allowAutoTopicCreation: true });
  expect(view.topics.map((topic) => topic.error)).toEqual(['LEADER_NOT_AVAILABLE', 'INVALID_TOPIC_EXCEPTION']);
  const plain = await cluster(broker, creator, context, { topics, allowAutoTopicCreation: false });
  expect(plain.topics[0]!.error).toBe('UNKNOWN_TOPIC_OR_PARTITION');
});
