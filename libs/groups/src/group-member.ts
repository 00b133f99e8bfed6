/**
 * One member of a group: what it said when it joined, what it was assigned, and the reply that it waits for.
 * At most one join and one sync of a member are parked; the group parks and answers them (group-members.ts counts).
 */

import { decodeSubscription } from './consumer-protocol.js';
import type { GroupClient, Reply } from './contract.js';
import type { GroupTimer } from './effects.js';
import type { JoinGroupRequest, JoinGroupResponse, SyncGroupResponse } from './messages.js';
import type { GroupMemberMetadata } from './records.js';

export type Protocols = JoinGroupRequest['protocols'];

/** Characters of a client id that a group keeps (and that begin a member id). */
export const CLIENT_ID_KEPT_MAX = 255;
export const NO_BYTES = Buffer.alloc(0);

export class GroupMember {
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
  protocols: Protocols;
  /** False: loaded, so that only the chosen protocol is known. */
  areProtocolsComplete = true;
  /** Of the group's generation; empty until its leader has assigned. */
  assignment: Buffer = NO_BYTES;
  /** Its first join is not answered yet: nobody knows its id, so no heartbeat can come. */
  isNew = true;
  parkedJoin: Reply<JoinGroupResponse> | null = null;
  parkedSync: Reply<SyncGroupResponse> | null = null;

  constructor(
    readonly memberId: string,
    request: Pick<JoinGroupRequest, 'groupInstanceId' | 'rebalanceTimeoutMs' | 'sessionTimeoutMs' | 'protocols'>,
    client: GroupClient,
    readonly session: GroupTimer,
  ) {
    this.groupInstanceId = request.groupInstanceId;
    this.clientId = client.clientId.slice(0, CLIENT_ID_KEPT_MAX);
    this.clientHost = client.clientHost;
    this.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
    this.sessionTimeoutMs = request.sessionTimeoutMs;
    this.protocols = keptProtocols(request.protocols);
  }

  static restore(metadata: GroupMemberMetadata, protocolName: string, session: GroupTimer): GroupMember {
    const member = new GroupMember(
      metadata.memberId,
      { ...metadata, protocols: [{ name: protocolName, metadata: metadata.subscription }] },
      metadata,
      session,
    );
    member.areProtocolsComplete = false;
    member.assignment = metadata.assignment;
    member.isNew = false;
    return member;
  }

  get isStatic(): boolean {
    return this.groupInstanceId !== null;
  }

  metadataFor(protocolName: string | null): Buffer {
    return this.protocols.find(({ name }) => name === protocolName)?.metadata ?? NO_BYTES;
  }

  /** Nothing that would change the group's assignment. */
  matches(protocols: Protocols, chosen: string | null): boolean {
    const asked = keptProtocols(protocols);
    if (!this.areProtocolsComplete) {
      const same = asked.find(({ name }) => name === chosen);
      return same?.metadata.equals(this.metadataFor(chosen)) ?? false;
    }
    return (
      asked.length === this.protocols.length &&
      this.protocols.every(({ name, metadata }, i) => name === asked[i]!.name && metadata.equals(asked[i]!.metadata))
    );
  }

  toMetadata(protocolName: string | null): GroupMemberMetadata {
    const { memberId, groupInstanceId, clientId, clientHost, rebalanceTimeoutMs, sessionTimeoutMs, assignment } = this;
    const subscription = this.metadataFor(protocolName);
    return { memberId, groupInstanceId, clientId, clientHost, rebalanceTimeoutMs, sessionTimeoutMs, subscription, assignment };
  }

  /** What it adds to the group's record, assignment apart. */
  get metadataBytes(): number {
    return memberBytes(this, this.protocols);
  }
}

const FIXED_MEMBER_BYTES = 26;

/** Upper bound of what a member with these protocols takes in the group's record: all its protocols are counted, one is written. */
export function memberBytes(
  member: Pick<GroupMember, 'memberId' | 'groupInstanceId' | 'clientId' | 'clientHost'>,
  protocols: Protocols,
): number {
  let bytes = FIXED_MEMBER_BYTES;
  for (const text of [member.memberId, member.groupInstanceId ?? '', member.clientId, member.clientHost]) bytes += Buffer.byteLength(text);
  for (const { name, metadata } of protocols) bytes += name.length + metadata.length;
  return bytes;
}

/** A name said twice counts once, the first time. Copies: metadata may be a view of a request's frame. */
export function keptProtocols(protocols: Protocols): Protocols {
  const names = new Set<string>();
  const unique = protocols.filter(({ name }) => !names.has(name) && names.add(name));
  return unique.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) }));
}

/** Topics of a consumer's subscription, or null for bytes that are none. */
export function subscribedTopicsOf(metadata: Buffer): readonly string[] | null {
  try {
    return decodeSubscription(metadata).topics;
  } catch {
    return null;
  }
}

/** Same bytes, or subscriptions to the same topics: owned partitions and generations that go with them do not count. */
export function isSameSubscription(a: Buffer, b: Buffer): boolean {
  if (a.equals(b)) return true;
  const [topicsA, topicsB] = [subscribedTopicsOf(a), subscribedTopicsOf(b)];
  if (topicsA === null || topicsB === null) return false;
  const [setA, setB] = [new Set(topicsA), new Set(topicsB)];
  return setA.size === setB.size && [...setA].every((topic) => setB.has(topic));
}
