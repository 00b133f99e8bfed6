/** Group verbs that the test answers: `calls` has what was asked, `answers` what is said instead of the usual, `hold` keeps calls waiting. */
import { endpointFor, type FoundCoordinator, type GroupVerbs } from '#broker-core';
import type { GroupDescription } from '#groups';
import type { ListenerName, RequestContext } from '#kernel';
import { listenersOf } from './listeners-of.js';

type Verb = keyof GroupVerbs;
type Request<V extends Verb> = Parameters<GroupVerbs[V]>[1];
type Response<V extends Verb> = Awaited<ReturnType<GroupVerbs[V]>>;

export interface GroupCall {
  readonly verb: Verb;
  readonly context: RequestContext;
  readonly request: unknown;
  /** With the usual answer, or with another one. */
  resolve(response?: unknown): void;
  reject(error: Error): void;
}

export class FakeGroups implements GroupVerbs {
  hold: ReadonlySet<Verb> = new Set();
  failure: Error | null = null;
  readonly calls: GroupCall[] = [];
  readonly answers: { [V in Verb]?: Response<V> } = {};

  findCoordinators(context: RequestContext, request: Request<'findCoordinators'>) {
    return this.call('findCoordinators', context, request, () => request.keys.map((key) => foundOn(key, 1, context.listener)));
  }

  join(context: RequestContext, request: Request<'join'>) {
    const { name, metadata } = request.protocols[0] ?? { name: 'range', metadata: Buffer.alloc(0) };
    return this.call('join', context, request, () => ({
      error: 'NONE',
      generationId: 7,
      protocolType: 'consumer',
      protocolName: name,
      leader: 'm1',
      skipAssignment: true,
      memberId: request.memberId || 'm1',
      members: [{ memberId: 'm1', groupInstanceId: request.groupInstanceId, metadata }],
    }));
  }

  sync(context: RequestContext, request: Request<'sync'>) {
    return this.call('sync', context, request, () => ({
      error: 'NONE',
      protocolType: 'consumer',
      protocolName: 'range',
      assignment: request.assignments[0]?.assignment ?? Buffer.alloc(0),
    }));
  }

  heartbeat(context: RequestContext, request: Request<'heartbeat'>) {
    return this.call('heartbeat', context, request, () => ({ error: 'NONE' }));
  }

  leave(context: RequestContext, request: Request<'leave'>) {
    return this.call('leave', context, request, () => ({
      error: 'NONE',
      members: request.members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId, error: 'NONE' as const })),
    }));
  }

  commitOffsets(context: RequestContext, request: Request<'commitOffsets'>) {
    return this.call('commitOffsets', context, request, () => ({
      partitions: request.partitions.map(({ topic, partition }) => ({ topic, partition, error: 'NONE' as const })),
    }));
  }

  /** Everything is committed at 42; of all, there are a-0, b-1 and a-2. */
  fetchOffsets(context: RequestContext, request: Request<'fetchOffsets'>) {
    const all = [
      { topic: 'a', partition: 0 },
      { topic: 'b', partition: 1 },
      { topic: 'a', partition: 2 },
    ];
    const committed = { offset: 42, leaderEpoch: 5, metadata: 'm', committedAtMs: 1, error: 'NONE' as const };
    return this.call('fetchOffsets', context, request, () => ({
      error: 'NONE',
      partitions: (request.partitions ?? all).map(({ topic, partition }) => ({ topic, partition, ...committed })),
    }));
  }

  deleteOffsets(context: RequestContext, request: Request<'deleteOffsets'>) {
    return this.call('deleteOffsets', context, request, () => ({
      error: 'NONE',
      partitions: request.partitions.map((each) => ({ ...each, error: 'GROUP_SUBSCRIBED_TO_TOPIC' as const })),
    }));
  }

  describe(context: RequestContext, request: Request<'describe'>) {
    return this.call('describe', context, request, () => request.map(described));
  }

  list(context: RequestContext, request: Request<'list'>) {
    const group = { groupId: 'g', protocolType: 'consumer', state: 'Stable', groupType: 'classic' } as const;
    const isAsked = request === null || request.includes('Stable');
    return this.call('list', context, request, () => ({ error: 'NONE', groups: isAsked ? [group] : [] }));
  }

  delete(context: RequestContext, request: Request<'delete'>) {
    return this.call('delete', context, request, () => request.map((groupId) => ({ groupId, error: 'NON_EMPTY_GROUP' })));
  }

  history(context: RequestContext, request: Request<'history'>) {
    return this.call('history', context, request, () => ({ error: 'NONE', groupId: request, rebalances: [] }));
  }

  private call<V extends Verb>(verb: V, context: RequestContext, request: Request<V>, usual: () => Response<V>): Promise<Response<V>> {
    if (this.failure) return Promise.reject(this.failure);
    const answer = () => (this.answers[verb] as Response<V> | undefined) ?? usual();
    return new Promise((resolve, reject) => {
      this.calls.push({ verb, context, request, resolve: (response) => resolve((response as Response<V>) ?? answer()), reject });
      if (!this.hold.has(verb)) resolve(answer());
    });
  }
}

export function foundOn(key: string, brokerId: number, listener: ListenerName = 'client'): FoundCoordinator {
  return { key, error: 'NONE', brokerId, endpoint: endpointFor(listenersOf(brokerId), listener) };
}

function described(groupId: string): GroupDescription {
  const member = { memberId: 'm1', groupInstanceId: 'i1', clientId: 'c', clientHost: '/127.0.0.1' };
  return {
    groupId,
    error: 'NONE',
    state: 'Stable',
    protocolType: 'consumer',
    protocolName: 'range',
    generationId: 3,
    members: [{ ...member, metadata: Buffer.from('subscription'), assignment: Buffer.from('assignment') }],
  };
}
