/** KIP-951: an answer that names a new leader also says where it is, on the listener that was asked. */
import type { BrokerVerbs, ClusterView, CurrentLeader } from '#broker-core';
import type { RequestContext } from '#kernel';
import type { HandlerEnvironment } from '../handler.js';

export interface NodeEndpoint {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

const FIRST_VERSIONS: { readonly [apiKey: number]: number } = { 0: 10, 1: 16 };

export function nodeEndpoint({ brokerId, endpoint, rack }: ClusterView['brokers'][number]): NodeEndpoint {
  return { nodeId: brokerId, host: endpoint.host, port: endpoint.port, rack };
}

/** Endpoints of the leaders that `results` name; asks the broker only when there are any and the version can carry them. */
export function nodeEndpointsOf(
  environment: HandlerEnvironment,
  request: { readonly version: number; readonly context: RequestContext },
  apiKey: number,
  results: readonly { readonly currentLeader?: CurrentLeader }[],
): NodeEndpoint[] | Promise<NodeEndpoint[]> {
  if (request.version < FIRST_VERSIONS[apiKey]!) return [];
  const leaders = new Set<number>();
  for (const { currentLeader } of results) if (currentLeader && currentLeader.leader >= 0) leaders.add(currentLeader.leader);
  return leaders.size === 0 ? [] : lookUp(environment.broker, request.context, leaders);
}

async function lookUp(broker: BrokerVerbs, context: RequestContext, leaders: ReadonlySet<number>): Promise<NodeEndpoint[]> {
  const view = await broker.cluster(context, { topics: [], allowAutoTopicCreation: false });
  return view.brokers.filter((each) => leaders.has(each.brokerId)).map(nodeEndpoint);
}
