/**
 * One connection of a Kafka client. Requests are started in order of arrival, as many at once as the limits allow, and
 * answered in that order; some hold back the start of what is behind them (Handler.holdsBack). Reading pauses while the
 * limits are reached and goes on when answers have left.
 *
 *   bytes → FrameSplitter → start (header, body, handler → verb) → slots (order of arrival) → Outbox → bytes
 *
 * States: open → draining (nothing new is started, answers under way still leave) → closed. Whatever a peer sends, the
 * worst that happens is that this connection closes.
 */
import { type ClientNotes, QUEUED_BYTES_FREE } from '#broker-core';
import { AssertionError, type RequestContext, YakError } from '#kernel';
import type { Clock, Connection, Logger, Scheduler } from '#seams';
import {
  type Api,
  apiVersionsApi,
  encodeResponse,
  FrameSplitter,
  peekRequest,
  REQUEST_BYTES_MIN,
  Reader,
  type RequestStart,
  readClientId,
  WireError,
} from '#wire';
import type { KafkaDoorCounters } from './counters.js';
import { ClosingReason, type Handler, type HandlerEnvironment, type KafkaRequest, NO_ANSWER, type Outcome } from './handler.js';
import { UNSUPPORTED_API_VERSIONS } from './handlers/18-api-versions.js';
import { HANDLERS } from './handlers/index.js';
import { errorOfFailure } from './kafka-error-mapper.js';
import { Outbox } from './outbox.js';

/** Longer client ids are cut before they reach contexts and logs. */
const CLIENT_ID_LENGTH_MAX = 255;

export interface KafkaConnectionOptions {
  readonly connection: Connection;
  readonly environment: HandlerEnvironment;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly counters: KafkaDoorCounters;
  readonly clients: ClientNotes | null;
  readonly onClosed: () => void;
}

/** One request under way, in its place in the queue. */
interface Slot {
  readonly api: Api;
  readonly isLongPoll: boolean;
  readonly start: RequestStart;
  readonly requestBytes: number;
  /** What the answer may grow to; 0 once it is known. */
  reservedBytes: number;
  /** Null while the verb runs; empty for no answer. */
  answer: readonly Buffer[] | null;
}

export class KafkaConnection {
  private readonly splitter: FrameSplitter;
  private readonly outbox: Outbox;
  private readonly slots: Slot[] = [];
  /** Not answered yet, and nothing behind it may start. */
  private heldBy: Slot | null = null;
  private requestBytes = 0;
  /** Reserved for running fetches, or ready behind an earlier answer. */
  private replyBytes = 0;
  private context: RequestContext;
  private isStarting = false;
  /** Since this connection last let others have their turn. */
  private startedThisTurn = 0;
  private hasAnsweredAtOnce = false;
  private isPaused = false;
  private isDraining = false;
  private isFlushPlanned = false;
  private isTurnPlanned = false;
  private isClosed = false;
  private lastActivityMs: number;
  private partialSinceMs: number | null = null;
  private stalledSinceMs: number | null = null;
  private flushedBytes = 0;
  private isWaitingForRoom = false;
  /** One frame may be finished though there is no room: or those who all hold a part of one would wait for each other. */
  private mayFinishFrame = false;

  constructor(private readonly options: KafkaConnectionOptions) {
    const { connection, environment, clock } = options;
    this.splitter = new FrameSplitter(REQUEST_BYTES_MIN, environment.limits.frameBytesMax);
    this.outbox = new Outbox(connection);
    this.lastActivityMs = clock.monotonicMs();
    this.context = {
      principal: 'User:ANONYMOUS',
      listener: environment.listener,
      clientId: null,
      clientSoftware: null,
      clientAddress: connection.remoteAddress,
      deadline: Number.POSITIVE_INFINITY,
    };
    connection.onData((chunk) => this.received(chunk));
    connection.onDrain(() => this.drained());
    connection.onClose(() => this.closed());
  }

  /** Nothing new is started; closes as soon as what is under way is answered. Long polls are not waited for. */
  drain(): void {
    if (this.isDraining || this.isClosed) return;
    this.isDraining = true;
    this.options.connection.pause();
    this.endIfDrained();
  }

  /** Of requests that are not answered and answers that are not read. */
  get heldBytes(): number {
    let bytes = this.splitter.bufferedBytes + this.requestBytes + this.outbox.pendingBytes;
    for (const slot of this.slots) if (slot.answer !== null) bytes += slot.reservedBytes;
    return bytes;
  }

  /** Asked about once a second. */
  checkTimeouts(nowMs: number): void {
    if (this.isClosed) return;
    const { limits } = this.options.environment;
    const { flushedBytes, pendingBytes } = this.outbox;
    if (pendingBytes === 0 || flushedBytes > this.flushedBytes) this.stalledSinceMs = null;
    this.flushedBytes = flushedBytes;
    if (pendingBytes > 0) this.stalledSinceMs ??= nowMs;
    if (this.stalledSinceMs !== null && nowMs - this.stalledSinceMs >= limits.sendStallMsMax) {
      return this.cut(`the peer read nothing of ${pendingBytes} waiting bytes for ${limits.sendStallMsMax} ms (sendStallMsMax)`);
    }
    if (this.partialSinceMs !== null && nowMs - this.partialSinceMs >= limits.partialFrameMsMax) {
      return this.cut(`a frame was not complete after ${limits.partialFrameMsMax} ms (partialFrameMsMax)`);
    }
    if (this.slots.length === 0 && pendingBytes === 0 && nowMs - this.lastActivityMs >= limits.connectionIdleMsMax) {
      this.options.logger.debug('idle connection closed', this.about());
      this.options.connection.end();
    }
  }

  // ---- reading ----

  private received(chunk: Buffer): void {
    if (this.isClosed || this.isDraining) return;
    this.options.counters.bytesReceived += chunk.length;
    this.lastActivityMs = this.options.clock.monotonicMs();
    this.splitter.push(chunk);
    this.startRequests();
  }

  private startRequests(): void {
    if (this.isStarting) return;
    this.isStarting = true;
    try {
      for (let frame = this.nextFrame(); frame !== null; frame = this.nextFrame()) {
        this.partialSinceMs = null;
        this.startedThisTurn++;
        this.start(frame);
      }
    } catch (error) {
      if (error instanceof WireError) this.cut(error.message);
      else this.bug('a request could not be started', error);
    } finally {
      this.isStarting = false;
    }
    if (this.hasAnsweredAtOnce) this.sendAnsweredAtOnce();
    if (this.hadItsTurn()) this.planNextTurn();
    this.pauseOrResume();
  }

  /** A peer with thousands of requests in one chunk would else hold up everybody, for as long as a session lasts. */
  private hadItsTurn(): boolean {
    return this.startedThisTurn >= this.options.environment.limits.requestsInFlightMax;
  }

  private planNextTurn(): void {
    if (this.isTurnPlanned) return;
    this.isTurnPlanned = true;
    this.options.scheduler.endOfTurn(() => {
      this.isTurnPlanned = false;
      this.startedThisTurn = 0;
      if (!this.isClosed) this.startRequests();
    });
  }

  private nextFrame(): Buffer | null {
    return this.isClosed || this.isDraining || this.heldBy !== null || !this.hasRoom() ? null : this.splitter.next();
  }

  private hasRoom(): boolean {
    const { limits } = this.options.environment;
    return (
      !this.hadItsTurn() &&
      this.slots.length < limits.requestsInFlightMax &&
      this.requestBytes < limits.requestBytesInFlightMax &&
      this.replyBytes + this.outbox.pendingBytes < limits.replyBytesMax &&
      this.hasRoomAmongAll()
    );
  }

  private hasRoomAmongAll(): boolean {
    const { room } = this.options.environment;
    if (room === null || !room.isFull || this.mayFinishFrame || this.heldBytes < QUEUED_BYTES_FREE) return true;
    if (!this.isWaitingForRoom) {
      this.isWaitingForRoom = true;
      room.wait((isItsTurn) => {
        this.isWaitingForRoom = false;
        this.mayFinishFrame ||= isItsTurn;
        if (!this.isClosed && !this.isDraining) this.startRequests();
      });
    }
    return false;
  }

  private pauseOrResume(): void {
    if (this.isClosed || this.isDraining) return;
    // While nothing is held back, reading goes on: it is how a connection that ends is noticed.
    const isHolding = this.heldBy !== null && this.splitter.bufferedBytes > 0;
    const isFull = isHolding || !this.hasRoom();
    const isPartial = !isFull && this.splitter.bufferedBytes > 0;
    this.partialSinceMs = isPartial ? (this.partialSinceMs ?? this.options.clock.monotonicMs()) : null;
    if (isFull === this.isPaused) return;
    this.isPaused = isFull;
    if (isFull) this.options.connection.pause();
    else this.options.connection.resume();
  }

  // ---- one request ----

  private start(frame: Buffer): void {
    this.mayFinishFrame = false;
    const start = peekRequest(frame);
    const { apiKey, apiVersion } = start;
    this.options.counters.requests++;
    const handler = apiKey >= 0 ? HANDLERS[apiKey] : undefined;
    if (!handler?.api.serves(apiVersion)) {
      if (apiKey === apiVersionsApi.key) this.answerUnsupportedApiVersions(start, frame.length);
      else this.cut(`api key ${apiKey} version ${apiVersion} is not served`);
      return;
    }
    const reader = new Reader(frame);
    const clientId = readClientId(reader, handler.api.requestHeaderVersion(apiVersion));
    const body = handler.api.readRequest(apiVersion, reader);
    const request: KafkaRequest<object> = {
      version: apiVersion,
      context: this.contextOf(clientId),
      body,
      nameSoftware: (clientSoftware) => {
        this.context = { ...this.context, clientSoftware };
      },
    };
    this.options.clients?.requested(this.context);
    const slot = this.open(handler.api, start, frame.length, handler.replyBytesMax?.(body as never) ?? 0, handler.isLongPoll);
    if (handler.holdsBack) this.heldBy = slot;
    this.run(handler, request, slot);
  }

  private run(handler: Handler, request: KafkaRequest<object>, slot: Slot): void {
    try {
      const outcome = handler.handle(this.options.environment, request as never);
      if (outcome instanceof Promise) {
        outcome.then(
          (value) => this.finish(slot, value),
          (failure) => this.fail(handler, request, slot, failure),
        );
      } else {
        this.finish(slot, outcome);
      }
    } catch (failure) {
      this.fail(handler, request, slot, failure);
    }
  }

  private answerUnsupportedApiVersions(start: RequestStart, requestBytes: number): void {
    const slot = this.open(apiVersionsApi as Api, { ...start, apiVersion: 0 }, requestBytes, 0);
    this.finish(slot, UNSUPPORTED_API_VERSIONS);
  }

  private fail(handler: Handler, request: KafkaRequest<object>, slot: Slot, failure: unknown): void {
    // A broker that recovers its data: no error code makes every client come back (KafkaJS gives up), a closed connection does.
    if (failure instanceof YakError && failure.code === 'UNAVAILABLE') return this.cut(failure.message);
    const error = errorOfFailure(failure);
    const log = { ...this.about(), api: slot.api.name, version: slot.start.apiVersion, error };
    if (error === 'UNKNOWN_SERVER_ERROR') this.options.logger.error('a request failed', { ...log, reason: describe(failure) });
    this.finish(slot, handler.failed(request as never, error));
  }

  private contextOf(clientId: string | null): RequestContext {
    // Member ids begin with it: half a character would not come back as it was sent.
    const known = clientId === null ? null : clientId.slice(0, CLIENT_ID_LENGTH_MAX).replace(/\p{Cs}$/u, '');
    if (known !== this.context.clientId) this.context = { ...this.context, clientId: known };
    return this.context;
  }

  // ---- answers, in order ----

  private open(api: Api, start: RequestStart, requestBytes: number, replyBytesMax: number, isLongPoll = false): Slot {
    // At most half, so that one long poll does not keep what is behind it from starting.
    const reservedBytes = Math.min(replyBytesMax, this.options.environment.limits.replyBytesMax / 2);
    const slot: Slot = { api, isLongPoll, start, requestBytes, reservedBytes, answer: null };
    this.slots.push(slot);
    this.requestBytes += requestBytes;
    this.replyBytes += reservedBytes;
    return slot;
  }

  private finish(slot: Slot, outcome: Outcome<object>): void {
    if (this.isClosed) return;
    if (outcome instanceof ClosingReason) return this.cut(outcome.reason);
    try {
      slot.answer =
        outcome === NO_ANSWER ? [] : encodeResponse(slot.api, slot.start.apiVersion, slot.start.correlationId, outcome as never);
    } catch (error) {
      return this.bug(`an answer to ${slot.api.name} could not be written`, error);
    }
    if (this.heldBy === slot) this.heldBy = null;
    this.replyBytes -= slot.reservedBytes;
    slot.reservedBytes = sizeOf(slot.answer);
    this.replyBytes += slot.reservedBytes;
    if (this.slots[0] === slot) this.sendReady();
    else if (this.isPaused) this.planFlush();
  }

  /** Takes the answers that are ready at the head of the queue. */
  private sendReady(): void {
    let count = 0;
    for (; count < this.slots.length && this.slots[count]!.answer !== null; count++) {
      const slot = this.slots[count]!;
      this.outbox.add(slot.answer!);
      this.options.counters.bytesSent += slot.reservedBytes;
      this.requestBytes -= slot.requestBytes;
      this.replyBytes -= slot.reservedBytes;
    }
    this.slots.splice(0, count);
    this.lastActivityMs = this.options.clock.monotonicMs();
    // At once if nothing is left that could leave with it, else with the others of this turn.
    if (this.isStarting) this.hasAnsweredAtOnce = true;
    else if (this.slots.length === 0) this.flush();
    else this.planFlush();
  }

  /** Answers of handlers that did not have to wait, once everything that arrived with them is started. */
  private sendAnsweredAtOnce(): void {
    this.hasAnsweredAtOnce = false;
    if (this.slots.length > 0) this.planFlush();
    else if (!this.isClosed) this.outbox.flush();
  }

  private planFlush(): void {
    if (this.isFlushPlanned) return;
    this.isFlushPlanned = true;
    this.options.scheduler.endOfTurn(() => {
      this.isFlushPlanned = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.isClosed) return;
    this.outbox.flush();
    if (this.isDraining) this.endIfDrained();
    else if (this.isPaused) this.startRequests();
  }

  private drained(): void {
    this.stalledSinceMs = null;
    this.flush();
  }

  // ---- the end ----

  private endIfDrained(): void {
    if (this.outbox.isHandedOver && this.slots.every((slot) => slot.isLongPoll && slot.answer === null)) {
      this.options.connection.end();
    }
  }

  /** Our own fault: this connection pays for it, the others go on. */
  private bug(what: string, error: unknown): void {
    this.options.logger.error(what, { ...this.about(), reason: describe(error) });
    this.cut('an internal error');
  }

  private cut(reason: string): void {
    if (this.isClosed) return;
    this.options.counters.connectionsCut++;
    this.options.logger.warn('connection closed', { ...this.about(), reason });
    this.options.connection.destroy();
    this.closed();
  }

  private closed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.slots.length = 0;
    this.options.clients?.disconnected(this.context);
    this.heldBy = null;
    this.options.onClosed();
  }

  private about(): Record<string, unknown> {
    const { clientId, clientAddress, clientSoftware, listener } = this.context;
    const software = clientSoftware === null ? {} : { software: `${clientSoftware.name} ${clientSoftware.version}` };
    return { listener, client: clientAddress, clientId: clientId === null ? null : printable(clientId), ...software };
  }
}

function sizeOf(chunks: readonly Buffer[]): number {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  return bytes;
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

function describe(failure: unknown): string {
  if (failure instanceof AssertionError) return failure.stack ?? failure.message;
  return failure instanceof Error ? `${failure.name}: ${failure.message}` : String(failure);
}
