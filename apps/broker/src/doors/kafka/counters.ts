/** Counters of one door since its start; /metrics prints them. */
export interface KafkaDoorCounters {
  connectionsOpen: number;
  connectionsAccepted: number;
  /** Closed on arrival: connectionsMax. */
  connectionsRefused: number;
  /** Closed by us for what the peer did or did not do: bad frames, unknown APIs, stalls. Idle ones are not among them. */
  connectionsCut: number;
  requests: number;
  bytesReceived: number;
  bytesSent: number;
}

export function newCounters(): KafkaDoorCounters {
  return {
    connectionsOpen: 0,
    connectionsAccepted: 0,
    connectionsRefused: 0,
    connectionsCut: 0,
    requests: 0,
    bytesReceived: 0,
    bytesSent: 0,
  };
}
