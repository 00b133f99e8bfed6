/**
 * Where a broker is for who asks: on the same listener of that broker that the question came in by. Addresses of one listener
 * must never leak into answers on another: outside of the brokers' network an inner name leads nowhere, or to somebody else.
 */
import type { ListenerName } from '#kernel';
import type { BrokerListeners, Endpoint } from '#metadata';

/** Null: the broker has no such listener, so it cannot be reached by who asks and is not listed for him. */
export function endpointFor(listeners: BrokerListeners, listener: ListenerName): Endpoint | null {
  switch (listener) {
    case 'replication':
      return listeners.replication;
    case 'nest':
      return listeners.tcp;
    case 'external':
      return listeners.externalKafka ?? null;
    case 'external-nest':
      return listeners.externalTcp ?? null;
    default:
      return listeners.kafka;
  }
}
