/** Structs that several APIs share. */
import { int32, string, struct } from '../schema/fields.js';

/** Where a current leader can be reached on the listener that was asked (KIP-951). */
export const nodeEndpoint = struct({
  nodeId: int32(),
  host: string(),
  port: int32(),
  rack: string({ nullable: '0+', default: null }),
});
