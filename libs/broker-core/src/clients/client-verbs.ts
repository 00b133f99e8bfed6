/** What doors may ask about clients and single records. Implemented by Broker. */
import { KafkaError, type RequestContext } from '#kernel';
import type { ListClientsResponse, LocateRecordRequest, LocateRecordResponse } from '#rpc';
import type { BrokerState } from '../broker-state.js';

export { locateRecord } from './locate-record.js';

export interface ClientVerbs {
  /** Of this broker alone. Throws a KafkaError when the asker may not describe the cluster. */
  listClients(context: RequestContext): ListClientsResponse;
  locateRecord(context: RequestContext, request: LocateRecordRequest): Promise<LocateRecordResponse>;
}

export function listClients(broker: Pick<BrokerState, 'authorizer' | 'clients'>, context: RequestContext): ListClientsResponse {
  if (broker.authorizer.isAllowed(context, 'DESCRIBE', { type: 'CLUSTER', name: 'cluster' })) return broker.clients.list();
  throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED', 'who lists the clients has to be allowed to DESCRIBE the cluster');
}
