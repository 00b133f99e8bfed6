/** Who is connected here and where a record is, as plain handlers: what the simulation serves too. */
import type { ClientVerbs } from '#broker-core';
import type { RpcHandlers } from '#rpc';

export type ClientPattern = 'listClients' | 'locateRecord';
export type ClientRpcHandlers = Required<Pick<RpcHandlers, ClientPattern>>;

export function clientRpcHandlers(broker: ClientVerbs): ClientRpcHandlers {
  return {
    listClients: async (_request, context) => broker.listClients(context),
    locateRecord: ({ topic, partition, offset }, context) => broker.locateRecord(context, { topic, partition, offset }),
  };
}
