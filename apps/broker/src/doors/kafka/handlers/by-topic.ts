/** Results of partitions, put together by topic: topics in the order of their first partition, partitions in theirs. */
export function byTopic<R extends { readonly topic: string }, P, T>(
  results: readonly R[],
  partitionOf: (result: R) => P,
  topicOf: (topic: string, partitions: P[]) => T,
): T[] {
  const topics = new Map<string, P[]>();
  for (const result of results) {
    const partitions = topics.get(result.topic);
    if (partitions) partitions.push(partitionOf(result));
    else topics.set(result.topic, [partitionOf(result)]);
  }
  return Array.from(topics, ([topic, partitions]) => topicOf(topic, partitions));
}
