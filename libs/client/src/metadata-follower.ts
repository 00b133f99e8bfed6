/**
 * Keeps ClusterMetadata up to date for those who need it. Interests say which topics they wait for and which brokers they
 * suspect; while any does, a loop asks processes that are not suspected, waiting at them for news, so that a new leader is
 * known within milliseconds of its election. Without interest nothing is asked.
 */
import { YakError } from '#kernel';
import type { MetadataRequest, MetadataResponse } from '#rpc';
import type { Address } from '#seams';
import { sleep } from '#seams';
import type { AnyNode } from './any-node.js';
import type { ClusterMetadata } from './cluster-metadata.js';
import type { ClientSeams } from './contract.js';
import { ATTEMPT_TIMEOUT_MS, FOLLOW_PACE_MS, FOLLOW_TIMEOUT_MS, FOLLOW_WAIT_MS } from './options.js';

export interface MetadataInterest {
  /** Topics for which newer metadata is wanted now; empty: none. */
  wantedTopics(): Iterable<string>;
  /** Brokers that leave requests unanswered. */
  suspects(): Iterable<Address>;
  readonly allowAutoTopicCreation: boolean;
  /** After every answer. */
  metadataChanged(response: MetadataResponse): void;
}

export class MetadataFollower {
  private readonly interests = new Set<MetadataInterest>();
  private isRunning = false;
  private isClosed = false;

  constructor(
    private readonly seams: ClientSeams,
    private readonly anyNode: AnyNode,
    private readonly metadata: ClusterMetadata,
  ) {}

  add(interest: MetadataInterest): void {
    this.interests.add(interest);
  }

  remove(interest: MetadataInterest): void {
    this.interests.delete(interest);
  }

  /** An interest may want something now. */
  wake(): void {
    if (this.isRunning || this.isClosed) return;
    this.isRunning = true;
    void this.follow();
  }

  close(): void {
    this.isClosed = true;
    this.interests.clear();
  }

  /** One plain question. Rejects when nobody answers. */
  fetch(topics: readonly string[] | null, allowAutoTopicCreation = false): Promise<MetadataResponse> {
    return this.ask({ topics, allowAutoTopicCreation }, ATTEMPT_TIMEOUT_MS);
  }

  /** The same with a wait for news, which `attemptTimeoutMs` has to include. */
  async ask(request: MetadataRequest, attemptTimeoutMs: number): Promise<MetadataResponse> {
    const response = await this.anyNode.ask('metadata', request, { attemptTimeoutMs });
    this.learned(response);
    return response;
  }

  private async follow(): Promise<void> {
    const { clock, scheduler } = this.seams;
    let askedBefore = '';
    for (;;) {
      // Interests are asked at the end of a turn, when whoever woke us has settled its own state.
      await sleep(scheduler, 0);
      const { topics, suspects, allowAutoTopicCreation } = this.wanted();
      if (topics.length === 0 || this.isClosed) break;
      const startedAt = clock.monotonicMs();
      const asked = topics.join(' ');
      // The first answer is wanted at once, the following ones when there is news.
      const waitMs = asked === askedBefore && suspects.length === 0 ? FOLLOW_WAIT_MS : 0;
      askedBefore = asked;
      await this.askOnce(topics, suspects, allowAutoTopicCreation, waitMs);
      const pauseMs = startedAt + FOLLOW_PACE_MS - clock.monotonicMs();
      if (pauseMs > 0) await sleep(scheduler, pauseMs);
    }
    this.isRunning = false;
  }

  private async askOnce(
    topics: readonly string[],
    avoid: readonly Address[],
    allowAutoTopicCreation: boolean,
    waitMs: number,
  ): Promise<void> {
    const newer = waitMs > 0 ? { newerThanRevision: this.metadata.revision, maxWaitMs: waitMs } : {};
    try {
      const attemptTimeoutMs = allowAutoTopicCreation ? ATTEMPT_TIMEOUT_MS : FOLLOW_TIMEOUT_MS;
      this.learned(await this.anyNode.ask('metadata', { topics, allowAutoTopicCreation, ...newer }, { attemptTimeoutMs, avoid }));
    } catch (error) {
      const reason = error instanceof YakError ? error.message : String(error);
      this.seams.logger.debug('metadata is unavailable', { topics, reason });
    }
  }

  private learned(response: MetadataResponse): void {
    this.metadata.apply(response);
    for (const interest of [...this.interests]) interest.metadataChanged(response);
  }

  private wanted(): { topics: string[]; suspects: Address[]; allowAutoTopicCreation: boolean } {
    const topics = new Set<string>();
    const suspects: Address[] = [];
    let allowAutoTopicCreation = false;
    for (const interest of this.interests) {
      for (const topic of interest.wantedTopics()) {
        topics.add(topic);
        allowAutoTopicCreation ||= interest.allowAutoTopicCreation;
      }
      suspects.push(...interest.suspects());
    }
    return { topics: [...topics].sort(), suspects, allowAutoTopicCreation };
  }
}
