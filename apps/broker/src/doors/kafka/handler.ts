import type { BrokerVerbs } from '#broker-core';
import type { KafkaErrorName, ListenerName, RequestContext } from '#kernel';
import type { Api, RequestOf, ResponseBodyOf } from '#wire';
import type { KafkaDoorLimits } from './limits.js';

export type KafkaListener = Extract<ListenerName, 'client' | 'external' | 'replication'>;

/** Whether the process has memory for more of what clients send. */
export interface RoomForAll {
  readonly isFull: boolean;
  /** `again` is called when there may be room, or when it is this connection's turn to go on without. */
  wait(again: (isItsTurn: boolean) => void): void;
}

/** What a handler may use: the verbs, and facts about where the request came in. */
export interface HandlerEnvironment {
  readonly broker: BrokerVerbs;
  readonly limits: KafkaDoorLimits;
  readonly listener: KafkaListener;
  /** The limit for all connections together; null: not for this one. */
  readonly room: RoomForAll | null;
  /** Resolves when others had their turn: for what one request may ask for very often. */
  nextTurn(): Promise<void>;
}

export interface KafkaRequest<Body> {
  readonly version: number;
  readonly context: RequestContext;
  readonly body: Body;
  /** Remembers what the peer says it is (ApiVersions), for the context of later requests. */
  nameSoftware(software: { name: string; version: string }): void;
}

/** Not answered at all (acks=0). */
export const NO_ANSWER = Symbol('no answer');

/** The connection must go: there is no way to say what is wrong. */
export class ClosingReason {
  constructor(readonly reason: string) {}
}

export type Outcome<Body> = Body | typeof NO_ANSWER | ClosingReason;

/** One per API: body in, verb, body out. Handlers are started in order of arrival and must call their verb synchronously. */
export interface Handler<A extends Api = Api> {
  readonly api: A;
  /** For docs/protocol-support.md: what of this API is not served, or is served differently. */
  readonly limitations: readonly string[];
  handle(
    environment: HandlerEnvironment,
    request: KafkaRequest<RequestOf<A>>,
  ): Outcome<ResponseBodyOf<A>> | Promise<Outcome<ResponseBodyOf<A>>>;
  /** The answer when the verb failed as a whole. */
  failed(request: KafkaRequest<RequestOf<A>>, error: KafkaErrorName): Outcome<ResponseBodyOf<A>>;
  /** Its answer may wait for others for minutes: the door does not wait for it when it closes. */
  readonly isLongPoll?: boolean;
  /**
   * What follows on the connection starts when this is answered, as everything does in Kafka: a heartbeat behind a join is
   * about the generation that the join makes, and would else be told to join again.
   */
  readonly holdsBack?: boolean;
  /** Upper bound of the answer's bytes, where it can be large. */
  replyBytesMax?(body: RequestOf<A>): number;
}

/** Forgets the body types, for the table that is indexed by api key; the api of a handler is what decodes its bodies. */
export function erased<A extends Api>(handler: Handler<A>): Handler {
  return handler as unknown as Handler;
}
