/**
 * What the leader of a group does beside being a member: shares out the partitions by the assignor that all members know, and
 * afterwards watches the topics, because only it can notice that an assignment no longer covers them.
 */
import { type AssignableMember, decodeAssignment, decodeSubscription, encodeAssignment } from '#groups';
import { assert, partitionKey } from '#kernel';
import type { DescribeGroupsResponse, JoinGroupRpcResponse, SyncGroupRpcRequest } from '#rpc';
import { sleep } from '#seams';
import type { ClientCore } from './client-core.js';
import type { GroupAssignor } from './group-contract.js';
import { TOPIC_WATCH_WAIT_MS } from './group-options.js';
import { ATTEMPT_TIMEOUT_MS, FOLLOW_PACE_MS, UNKNOWN_TOPIC_MS } from './options.js';

/** What an assignment was made for: of every subscribed topic which one it was and how many partitions it had; null: there was none. */
export type CoveredTopics = ReadonlyMap<string, { readonly topicId: string; readonly partitions: number } | null>;

export interface Leadership {
  readonly covers: CoveredTopics;
  readonly assignments: SyncGroupRpcRequest['assignments'];
}

export class GroupLeader {
  constructor(
    private readonly core: ClientCore,
    private readonly assignors: readonly GroupAssignor[],
  ) {}

  /** Null when `mayGoOn` said no while nobody answered about the topics. */
  async assign(joined: JoinGroupRpcResponse, mayGoOn: () => boolean): Promise<Leadership | null> {
    const members = joined.members.map(({ memberId, groupInstanceId, metadata }): AssignableMember => {
      return { memberId, groupInstanceId, topics: this.topicsOf(memberId, metadata) };
    });
    const topics = [...new Set(members.flatMap((member) => member.topics))].sort();
    if (!(await this.learn(topics, mayGoOn))) return null;
    const covers = this.coveredNow(topics);
    const counts = new Map([...covers].flatMap(([topic, known]) => (known === null ? [] : [[topic, known.partitions] as const])));
    const assignor = this.assignors.find(({ name }) => name === joined.protocolName);
    assert(assignor !== undefined, `the group agreed on ${joined.protocolName}, which this member did not offer`);
    const assigned = assignor.assign(members, counts);
    const assignments = [...assigned].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeAssignment({ partitions }).toString('base64'),
    }));
    return { covers, assignments };
  }

  /** Resolves with a sentence when the topics are no longer those that the assignment covers; with null when `mayGoOn` said no. */
  async topicsChanged(covers: CoveredTopics, mayGoOn: () => boolean): Promise<string | null> {
    const { scheduler, clock } = this.core.seams;
    const topics = [...covers.keys()];
    let revision = -1;
    const goneSince = new Map<string, number>();
    while (mayGoOn()) {
      let pauseMs = FOLLOW_PACE_MS;
      try {
        const news = revision < 0 ? {} : { newerThanRevision: revision, maxWaitMs: TOPIC_WATCH_WAIT_MS };
        const response = await this.core.follower.ask({ topics, ...news }, TOPIC_WATCH_WAIT_MS + ATTEMPT_TIMEOUT_MS);
        if (response.revision <= revision) pauseMs = this.core.options.retryBackoffMaxMs;
        revision = Math.max(revision, response.revision);
        const change = this.changeOf(covers, goneSince, clock.monotonicMs());
        if (change !== null) return change;
      } catch (error) {
        this.core.seams.logger.debug('metadata is unavailable', { topics, reason: (error as Error).message });
        pauseMs = this.core.options.retryBackoffMaxMs;
      }
      await sleep(scheduler, pauseMs);
    }
    return null;
  }

  /**
   * A static leader that came back keeps an assignment that it did not make, and the topics may have grown while it was away:
   * the partition that nobody has, or null.
   */
  unassigned(covers: CoveredTopics, description: DescribeGroupsResponse): string | null {
    const members = description.groups[0]?.members ?? [];
    const assigned = new Set<string>();
    for (const { assignment } of members) {
      for (const { topic, partitions } of decodeAssignment(Buffer.from(assignment, 'base64')).partitions) {
        for (const partition of partitions) assigned.add(partitionKey(topic, partition));
      }
    }
    for (const [topic, known] of covers) {
      for (let partition = 0; partition < (known?.partitions ?? 0); partition++) {
        if (!assigned.has(partitionKey(topic, partition))) return partitionKey(topic, partition);
      }
    }
    return null;
  }

  /** A member whose subscription nobody can read gets nothing; the others must not suffer for it. */
  private topicsOf(memberId: string, metadata: string): readonly string[] {
    try {
      return decodeSubscription(Buffer.from(metadata, 'base64')).topics;
    } catch (error) {
      this.core.seams.logger.warn('the subscription of a member cannot be read', { memberId, reason: (error as Error).message });
      return [];
    }
  }

  private async learn(topics: readonly string[], mayGoOn: () => boolean): Promise<boolean> {
    const { logger } = this.core.seams;
    for (let attempt = 1; mayGoOn(); attempt++) {
      try {
        await this.core.follower.fetch(topics);
        return true;
      } catch (error) {
        logger.debug('metadata is unavailable', { topics, reason: (error as Error).message });
        await this.core.pauseAfter(attempt);
      }
    }
    return false;
  }

  private coveredNow(topics: readonly string[]): CoveredTopics {
    return new Map(
      topics.map((topic) => {
        const topicId = this.core.metadata.topicId(topic);
        return [topic, topicId === null ? null : { topicId, partitions: this.core.metadata.partitionCount(topic)! }];
      }),
    );
  }

  private changeOf(covers: CoveredTopics, goneSince: Map<string, number>, now: number): string | null {
    for (const [topic, current] of this.coveredNow([...covers.keys()])) {
      const before = covers.get(topic)!;
      if (current !== null) goneSince.delete(topic);
      if (before === null && current !== null) return `topic ${topic} was created`;
      if (before === null) continue;
      if (current === null) {
        // One process may not know it for a moment.
        if (!goneSince.has(topic)) goneSince.set(topic, now);
        if (now - goneSince.get(topic)! >= UNKNOWN_TOPIC_MS) return `topic ${topic} was deleted`;
      } else if (current.topicId !== before.topicId) return `topic ${topic} was deleted and made anew`;
      else if (current.partitions !== before.partitions) {
        return `topic ${topic} has ${current.partitions} partitions now, ${before.partitions} before`;
      }
    }
    return null;
  }
}
