/**
 * Who is connected to this broker, and what it sent and got: one entry per open connection of a client, from its first request
 * until it closes. Doors say when a request arrives and when a connection ends; verbs only add to connections that are listed,
 * so that an answer decided after the end brings nobody back. Followers and this process itself are no clients.
 *
 * A log book: nothing is decided by it, and it forgets (see the limits) rather than grow.
 */
import type { ListenerName, Offset, RequestContext, WallMs } from '#kernel';
import type { ListClientsResponse, LocateRecordResponse } from '#rpc';
import type { Clock } from '#seams';
import { ClientConnection } from './client-connection.js';
import type { PartitionHistory } from './partition-history.js';
import type { NoteBudget } from './partition-notes.js';

/** Connections beyond this are served, and counted as omitted. */
export const CONNECTIONS_LISTED_MAX = 2_000;
/** Notes of all connections: with names of full length one answer stays below the frame limit of the Nest door. */
export const PARTITIONS_NOTED_MAX = 30_000;
/** Partitions whose recent batches are remembered; the one that began first makes room. */
export const PARTITIONS_REMEMBERED_MAX = 512;
/** Readers named in one answer of locateRecord. */
export const READERS_NAMED_MAX = 20;

/** All that a door has to know. */
export interface ClientNotes {
  /** Before the verb of every request. The first one lists the connection, so that probes of the port are not. */
  requested(context: RequestContext): void;
  /** After the last request; also for connections that never made one. */
  disconnected(connection: { readonly listener: ListenerName; readonly clientAddress: string }): void;
}

/** Listeners that clients come in by. */
const LISTENERS = ['client', 'external', 'nest', 'external-nest'] as const satisfies readonly ListenerName[];

interface Door {
  /** By host:port of the peer, which no two open connections of one listener share. */
  readonly connections: Map<string, ClientConnection>;
  readonly omitted: Set<string>;
}

export class ClientRegistry implements ClientNotes {
  private readonly doors: ReadonlyMap<ListenerName, Door> = new Map(
    LISTENERS.map((listener) => [listener, { connections: new Map(), omitted: new Set() }]),
  );
  private readonly remembered = new Set<PartitionHistory>();
  private readonly budget: NoteBudget = { left: PARTITIONS_NOTED_MAX };

  constructor(
    private readonly clock: Clock,
    private readonly brokerId: number,
  ) {}

  // ---- doors ----

  requested(context: RequestContext): void {
    const door = this.doorOf(context.listener);
    if (door === null) return;
    const nowMs = this.clock.wallMs();
    const known = door.connections.get(context.clientAddress);
    if (known) return known.requested(context, nowMs);
    if (this.sum((each) => each.connections.size) >= CONNECTIONS_LISTED_MAX) {
      door.omitted.add(context.clientAddress);
      return;
    }
    door.omitted.delete(context.clientAddress);
    door.connections.set(context.clientAddress, new ClientConnection(context, nowMs, this.budget));
  }

  disconnected({ listener, clientAddress }: { readonly listener: ListenerName; readonly clientAddress: string }): void {
    const door = this.doorOf(listener);
    if (door === null) return;
    door.omitted.delete(clientAddress);
    door.connections.get(clientAddress)?.close();
    door.connections.delete(clientAddress);
  }

  // ---- verbs ----

  /** Null for who is not listed. */
  of(context: RequestContext): ClientConnection | null {
    return this.doorOf(context.listener)?.connections.get(context.clientAddress) ?? null;
  }

  /** A request named this membership: join, heartbeat, commit. */
  noteMember(context: RequestContext, groupId: string, memberId: string, groupInstanceId: string | null): void {
    if (memberId !== '') this.of(context)?.member(groupId, memberId, groupInstanceId);
  }

  /** Before something of the partition is noted: makes room for its memory if it has none. */
  remember(history: PartitionHistory, highWatermark: Offset): void {
    if (history.isKept) return;
    if (this.remembered.size >= PARTITIONS_REMEMBERED_MAX) {
      const [oldest] = this.remembered;
      this.remembered.delete(oldest!);
      oldest!.forget();
    }
    this.remembered.add(history);
    history.begin(highWatermark);
  }

  now(): WallMs {
    return this.clock.wallMs();
  }

  // ---- questions ----

  list(): ListClientsResponse {
    const clients = [...this.all()].map((connection) => connection.view(this.brokerId));
    return { clients, omitted: this.sum((door) => door.omitted.size), silentBrokers: [] };
  }

  /** Open connections that have got the record at `offset`: they asked for what comes after it. Latest first. */
  readersBeyond(topic: string, partition: number, offset: Offset): LocateRecordResponse['fetchedBy'] {
    const readers: LocateRecordResponse['fetchedBy'][number][] = [];
    for (const connection of this.all()) {
      const note = connection.fetched.get(topic, partition);
      if (!note || note.nextOffset <= offset) continue;
      const { membership, sender } = connection;
      readers.push({
        clientId: sender.clientId,
        address: sender.address,
        groupId: membership?.groupId ?? null,
        memberId: membership?.memberId ?? null,
        atMs: note.lastFetchedAtMs,
      });
    }
    return readers.sort((a, b) => b.atMs - a.atMs).slice(0, READERS_NAMED_MAX);
  }

  private *all(): Generator<ClientConnection> {
    for (const door of this.doors.values()) yield* door.connections.values();
  }

  private sum(count: (door: Door) => number): number {
    let sum = 0;
    for (const door of this.doors.values()) sum += count(door);
    return sum;
  }

  private doorOf(listener: ListenerName): Door | null {
    return this.doors.get(listener) ?? null;
  }
}
