/**
 * One open connection of a client, and what it did here: what it sent and what of that was acknowledged, what it fetched, and
 * the memberships that it named. Written by the verbs on the hot path, so notes are changed in place and nothing is made per
 * record; text from outside is cut and freed of control characters before it is kept.
 */
import type { Offset, RequestContext, WallMs } from '#kernel';
import type { ConnectedClient } from '#rpc';
import type { Sender } from './partition-history.js';
import { type NoteBudget, PartitionNotes } from './partition-notes.js';

export const TEXT_LENGTH_MAX = 255;
export const GROUPS_NOTED_PER_CONNECTION_MAX = 50;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** A note that the produce verb holds on to until its answer is decided. */
export type ProducedNote = Mutable<ConnectedClient['produced'][number]>;
type FetchedNote = Mutable<ConnectedClient['fetched'][number]>;
type Membership = ConnectedClient['groups'][number];

export class ClientConnection {
  lastRequestAtMs: WallMs;
  /** As the client names itself now. */
  sender: Sender;
  readonly produced: PartitionNotes<ProducedNote>;
  readonly fetched: PartitionNotes<FetchedNote>;
  private readonly memberships = new Map<string, Membership>();

  constructor(
    private context: RequestContext,
    private readonly connectedAtMs: WallMs,
    budget: NoteBudget,
  ) {
    this.lastRequestAtMs = connectedAtMs;
    this.sender = senderOf(context);
    this.produced = new PartitionNotes(budget);
    this.fetched = new PartitionNotes(budget);
  }

  /** A request arrived; doors make a new context only when something of it changed. */
  requested(context: RequestContext, nowMs: WallMs): void {
    this.lastRequestAtMs = nowMs;
    if (context === this.context) return;
    const { clientId, clientSoftware } = this.context;
    this.context = context;
    if (context.clientId !== clientId || context.clientSoftware !== clientSoftware) this.sender = senderOf(context);
  }

  /** A batch for a partition was taken: appended, or known as a repeat. */
  sent(topic: string, partition: number, producerId: number): ProducedNote {
    const note =
      this.produced.get(topic, partition) ??
      this.produced.add(topic, partition, {
        topic,
        partition,
        producerId,
        lastSentAtMs: 0,
        lastAcknowledgedOffset: -1,
        lastAcknowledgedAtMs: -1,
      });
    note.producerId = producerId;
    note.lastSentAtMs = this.lastRequestAtMs;
    return note;
  }

  /** A fetch of the partition was answered without error; everything below `nextOffset` had reached the client before. */
  fetchedFrom(topic: string, partition: number, nextOffset: Offset): void {
    const note =
      this.fetched.get(topic, partition) ?? this.fetched.add(topic, partition, { topic, partition, nextOffset, lastFetchedAtMs: 0 });
    note.nextOffset = nextOffset;
    note.lastFetchedAtMs = this.lastRequestAtMs;
  }

  member(groupId: string, memberId: string, groupInstanceId: string | null): void {
    const known = this.memberships.get(groupId);
    if (known && known.memberId === memberId && known.groupInstanceId === groupInstanceId) return;
    if (!known && this.memberships.size >= GROUPS_NOTED_PER_CONNECTION_MAX) {
      const [oldest] = this.memberships.keys();
      this.memberships.delete(oldest!);
    }
    this.memberships.set(groupId, {
      groupId: printable(groupId),
      memberId: printable(memberId),
      groupInstanceId: groupInstanceId === null ? null : printable(groupInstanceId),
    });
  }

  /** The membership that was named last. */
  get membership(): Membership | null {
    let last: Membership | null = null;
    for (const one of this.memberships.values()) last = one;
    return last;
  }

  close(): void {
    this.produced.clear();
    this.fetched.clear();
  }

  view(brokerId: number): ConnectedClient {
    const { context, sender } = this;
    return {
      brokerId,
      door: context.listener === 'nest' || context.listener === 'external-nest' ? 'nest' : 'kafka',
      clientId: sender.clientId,
      software: sender.software,
      address: sender.address,
      listener: context.listener,
      principal: context.principal,
      connectedAtMs: this.connectedAtMs,
      lastRequestAtMs: this.lastRequestAtMs,
      produced: Array.from(this.produced.values(), (note) => ({ ...note })),
      fetched: Array.from(this.fetched.values(), (note) => ({ ...note })),
      groups: [...this.memberships.values()],
    };
  }
}

function senderOf({ clientId, clientSoftware, clientAddress }: RequestContext): Sender {
  return {
    clientId: clientId === null ? null : printable(clientId),
    address: clientAddress,
    software: clientSoftware && { name: printable(clientSoftware.name), version: printable(clientSoftware.version) },
  };
}

/** Control, formatting and unpaired surrogate characters could rewrite the terminal of whoever reads the list. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

function printable(text: string): string {
  const cut = text.length > TEXT_LENGTH_MAX ? text.slice(0, TEXT_LENGTH_MAX) : text;
  return cut.replace(UNPRINTABLE, '');
}
