import type { BrokerCounters } from './contract.js';

/** The broker's own tally; plain numbers because they sit on the hot path. */
export class Counters implements BrokerCounters {
  recordsAppended = 0;
  batchesAppended = 0;
  bytesAppended = 0;
  bytesFetched = 0;
  duplicatesAnswered = 0;
  truncations = 0;
  isrShrinks = 0;
  isrExpansions = 0;
  leadersGained = 0;
}
