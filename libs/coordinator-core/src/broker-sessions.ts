/**
 * What the coordinator knows of each broker's process beside the committed record: where it calls from, what it applied.
 * All of it is lost at a restart and needs no more than that: nothing here decides safety.
 */
import type { BrokerEpoch, BrokerId } from '#kernel';

export interface BrokerSession {
  readonly brokerId: BrokerId;
  readonly brokerEpoch: BrokerEpoch;
  /** Peer of the connection that it last spoke on; null once that one is closed. */
  clientAddress: string | null;
  /** Highest revision that it said it applied; -1: none under this coordinator. */
  appliedRevision: number;
  lastProbeWallMs: number;
}

export class BrokerSessions {
  private readonly sessions = new Map<BrokerId, BrokerSession>();

  get(brokerId: BrokerId): BrokerSession | undefined {
    return this.sessions.get(brokerId);
  }

  /** It spoke. A newer broker epoch starts a new session. */
  heard(brokerId: BrokerId, brokerEpoch: BrokerEpoch, clientAddress: string): BrokerSession {
    let session = this.sessions.get(brokerId);
    if (!session || session.brokerEpoch !== brokerEpoch) {
      session = { brokerId, brokerEpoch, clientAddress, appliedRevision: -1, lastProbeWallMs: 0 };
      this.sessions.set(brokerId, session);
    }
    session.clientAddress = clientAddress;
    return session;
  }

  applied(brokerId: BrokerId, revision: number): void {
    const session = this.sessions.get(brokerId);
    if (session) session.appliedRevision = Math.max(session.appliedRevision, revision);
  }

  /** Forgets the connection; answers whose it was. */
  closed(clientAddress: string): BrokerSession | null {
    for (const session of this.sessions.values()) {
      if (session.clientAddress !== clientAddress) continue;
      session.clientAddress = null;
      return session;
    }
    return null;
  }

  clear(): void {
    this.sessions.clear();
  }
}
