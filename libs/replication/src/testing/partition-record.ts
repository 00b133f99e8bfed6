import type { PartitionRecord } from '#metadata';

/** Three replicas 0, 1, 2, all in sync under broker epochs 10, 11, 12; led by 0 in leader epoch 5; m = 2. */
export function partitionRecord(changes: Partial<PartitionRecord> = {}): PartitionRecord {
  return {
    type: 'partition',
    version: 1,
    topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
    partition: 0,
    replicas: [0, 1, 2],
    directoryIds: ['', '', ''],
    isr: seats(0, 1, 2),
    leader: 0,
    leaderEpoch: 5,
    partitionEpoch: 7,
    addingReplicas: [],
    removingReplicas: [],
    minInSyncReplicas: 2,
    flushPolicy: 'commit',
    lastKnown: [],
    mustAsk: false,
    possibleLoss: false,
    ...changes,
  };
}

export function seats(...brokerIds: number[]): { brokerId: number; brokerEpoch: number }[] {
  return brokerIds.map((brokerId) => ({ brokerId, brokerEpoch: brokerId + 10 }));
}
