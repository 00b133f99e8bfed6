import { allowAll, type RequestContext } from '#kernel';
import type { BrokerState } from './broker-state.js';
import type { Partition } from './partition.js';
import { produce } from './produce.js';

const CONTEXT = { listener: 'kafka' } as unknown as RequestContext;

/** A leader that holds `stored` already and takes everything else, in the third row of R21's table. */
function cutOff(stored: Buffer) {
  const appended: Buffer[] = [];
  const partition = {
    topic: 't',
    index: 0,
    log: { logStartOffset: 0, findDuplicate: (records: Buffer) => (records === stored ? { baseOffset: 3, lastOffset: 3 } : null) },
    append: (records: Buffer) => {
      appended.push(records);
      return { kind: 'stored', baseOffset: 4, lastOffset: 4, isDuplicate: false };
    },
    whenHeld: (_end: number, settle: (error: 'NONE') => void) => settle('NONE'),
  } as unknown as Partition;
  const broker = {
    authorizer: allowAll,
    clients: { of: () => null },
    partition: () => partition,
    isCutOffFromReplicas: () => true,
    currentLeader: () => ({}),
    scheduler: { after: () => ({ cancel: () => {} }) },
  } as unknown as BrokerState;
  const send = async (acks: number, records: Buffer) => {
    const request = { acks, timeoutMs: 1_000, transactionalId: null, partitions: [{ topic: 't', partition: 0, records }] };
    return (await produce(broker, CONTEXT, request as never)).partitions[0]!;
  };
  return { appended, send };
}

describe('a leader that reaches neither the cluster coordinator nor an in-sync replica', () => {
  it('R21: refuses acks=all at once and queues nothing; acks 0 and 1 go on', async () => {
    const { appended, send } = cutOff(Buffer.from('stored'));
    expect(await send(-1, Buffer.from('new'))).toMatchObject({ error: 'NOT_ENOUGH_REPLICAS', baseOffset: -1 });
    expect(appended).toEqual([]);
    expect(await send(1, Buffer.from('one'))).toMatchObject({ error: 'NONE', baseOffset: 4 });
    expect(await send(0, Buffer.from('none'))).toMatchObject({ error: 'NONE' });
    expect(appended).toHaveLength(2);
  });

  it('R1: deduplication comes before error 19: what is stored is not told as refused before the append', async () => {
    const stored = Buffer.from('stored');
    const { send } = cutOff(stored);
    expect(await send(-1, stored)).toMatchObject({ error: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND' });
  });
});
