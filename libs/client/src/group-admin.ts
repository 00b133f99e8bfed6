/** Consumer groups for administrators, each asked of its coordinator; the list of all is put together from every broker's. */
import type { GroupListing, GroupStateName, OffsetCommitRequest, TopicPartition } from '#groups';
import { type BrokerId, KafkaError, type KafkaErrorName, YakError } from '#kernel';
import type { GroupRpcMessages, MetadataResponse } from '#rpc';
import type { Address } from '#seams';
import type { ClientCore } from './client-core.js';
import type { GroupAdmin, GroupList, PartitionProgress } from './group-admin-contract.js';
import { COORDINATOR_ERRORS, type CoordinatorAnswer, GroupCoordinators } from './group-coordinators.js';
import { partitionProgress } from './group-lag.js';
import { ATTEMPT_TIMEOUT_MS } from './options.js';

/** A broker that loads, or that is just being replaced, gets this long to take part in a list. */
const LIST_PATIENCE_MS = 4_000;
/** Questions under way at once. */
const CONCURRENT_MAX = 50;

export class YakGroupAdmin implements GroupAdmin {
  private readonly coordinators: GroupCoordinators;

  constructor(
    private readonly core: ClientCore,
    /** Asked again until somebody answers. */
    private readonly metadata: () => Promise<MetadataResponse>,
    private readonly isClosed: () => boolean,
  ) {
    this.coordinators = new GroupCoordinators(core);
  }

  async list(states?: readonly GroupStateName[]): Promise<GroupList> {
    const { clock } = this.core.seams;
    const deadline = clock.monotonicMs() + Math.min(LIST_PATIENCE_MS, this.core.options.requestTimeoutMs);
    const groups = new Map<string, GroupListing & { coordinatorId: BrokerId }>();
    for (let attempt = 1; ; attempt++) {
      const { brokers } = await this.metadata();
      // A group may move between two rounds: every round asks everybody, and the last answer is believed.
      const answers = await Promise.all(brokers.map(({ id, host, port }) => this.listOf(id, { host, port }, states)));
      const silentBrokers = answers.flatMap(({ brokerId, reason }) => (reason === null ? [] : [{ brokerId, reason }]));
      for (const { brokerId, listed } of answers)
        for (const group of listed) groups.set(group.groupId, { ...group, coordinatorId: brokerId });
      if (silentBrokers.length === 0 || clock.monotonicMs() >= deadline) {
        return { groups: [...groups.values()].sort((a, b) => (a.groupId < b.groupId ? -1 : a.groupId > b.groupId ? 1 : 0)), silentBrokers };
      }
      groups.clear();
      await this.core.pauseAfter(attempt);
    }
  }

  async describe(groupIds: readonly string[]) {
    return await inTurns(groupIds, async (groupId) => {
      const { response, brokerId } = await this.ask(groupId, 'describeGroups', { groupIds: [groupId] }, ({ groups }) => groups[0]?.error);
      const group = response.groups[0]!;
      const members = group.members.map((member) => ({
        ...member,
        metadata: Buffer.from(member.metadata, 'base64'),
        assignment: Buffer.from(member.assignment, 'base64'),
      }));
      return { ...group, members, coordinatorId: brokerId };
    });
  }

  async history(groupId: string) {
    return (await this.ask(groupId, 'groupHistory', { groupId }, ({ error }) => error)).response;
  }

  async fetchOffsets(groupId: string, partitions: readonly TopicPartition[] | null) {
    const request = { groupId, partitions, requireStable: false };
    return (await this.ask(groupId, 'fetchOffsets', request, ({ error }) => error)).response;
  }

  async commitOffsets(groupId: string, partitions: OffsetCommitRequest['partitions']) {
    const request = { groupId, generationId: -1, memberId: '', groupInstanceId: null, partitions, clientId: this.core.options.clientId };
    return (await this.ask(groupId, 'commitOffsets', request, (response) => coordinatorErrorIn(response.partitions))).response;
  }

  async deleteOffsets(groupId: string, partitions: readonly TopicPartition[]) {
    return (await this.ask(groupId, 'deleteOffsets', { groupId, partitions }, ({ error }) => error)).response;
  }

  async delete(groupIds: readonly string[]) {
    return await inTurns(groupIds, async (groupId) => {
      const { response, wasRepeated } = await this.ask(groupId, 'deleteGroups', { groupIds: [groupId] }, ({ groups }) => groups[0]?.error);
      const result = response.groups[0]!;
      const note = 'an attempt before this one got no answer and may have deleted it';
      return wasRepeated && result.error === 'GROUP_ID_NOT_FOUND' ? { ...result, message: note } : result;
    });
  }

  async progress(groupId: string, alsoPartitions: readonly TopicPartition[] = []): Promise<readonly PartitionProgress[]> {
    const { error, partitions } = await this.fetchOffsets(groupId, null);
    if (error !== 'NONE' && error !== 'GROUP_ID_NOT_FOUND') throw new KafkaError(error, `the offsets of group ${groupId}: ${error}`);
    return await partitionProgress(this.core, partitions, alsoPartitions, this.isClosed);
  }

  private ask<K extends keyof GroupRpcMessages>(
    groupId: string,
    pattern: K,
    request: GroupRpcMessages[K][0],
    errorOf: (response: GroupRpcMessages[K][1]) => KafkaErrorName | undefined,
  ): Promise<CoordinatorAnswer<GroupRpcMessages[K][1]>> {
    return this.coordinators.ask(groupId, pattern, request, { errorOf, isAbandoned: this.isClosed });
  }

  private async listOf(brokerId: BrokerId, address: Address, states: readonly GroupStateName[] | undefined) {
    try {
      const client = await this.core.pool.get(address, 'metadata');
      const response = await client.request('listGroups', states === undefined ? {} : { states }, { timeoutMs: ATTEMPT_TIMEOUT_MS });
      const reason =
        response.error === 'NONE' ? null : response.error === 'COORDINATOR_LOAD_IN_PROGRESS' ? 'it is still loading' : response.error;
      return { brokerId, listed: response.groups, reason };
    } catch (error) {
      if (error instanceof YakError && error.code === 'REQUEST_TIMEOUT') this.core.pool.drop(address, 'metadata');
      return { brokerId, listed: [], reason: (error as Error).message };
    }
  }
}

function coordinatorErrorIn(partitions: readonly { readonly error: KafkaErrorName }[]): KafkaErrorName | undefined {
  return partitions.find(({ error }) => COORDINATOR_ERRORS.has(error))?.error;
}

/** In the order of `items`. */
async function inTurns<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += CONCURRENT_MAX) {
    results.push(...(await Promise.all(items.slice(from, from + CONCURRENT_MAX).map(ask))));
  }
  return results;
}
