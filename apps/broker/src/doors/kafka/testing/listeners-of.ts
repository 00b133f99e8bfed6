import type { BrokerListeners } from '#metadata';

/** A different host on every listener. Broker 2 and above have no external ones. */
export function listenersOf(brokerId: number): BrokerListeners {
  const inside = {
    kafka: { host: `public-${brokerId}`, port: 9092 },
    replication: { host: `inner-${brokerId}`, port: 9192 },
    tcp: { host: `nest-${brokerId}`, port: 3125 },
    http: { host: `http-${brokerId}`, port: 8080 },
  };
  if (brokerId > 1) return inside;
  return {
    ...inside,
    externalKafka: { host: `outer-${brokerId}`, port: 9094 },
    externalTcp: { host: `outer-nest-${brokerId}`, port: 3126 },
  };
}
