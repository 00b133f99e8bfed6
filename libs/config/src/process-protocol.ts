/**
 * What a supervised process and `yak up` say to each other over Node's IPC channel. A process without a channel (run by
 * hand, in a container) says nothing and stops on SIGTERM. When the channel disconnects, the supervisor is dead: the process
 * stops by itself.
 */
export type ProcessMessage =
  /** Serves: a broker is registered and unfenced, a coordinator acts or stands by. Addresses as host:port, as really bound. */
  | {
      readonly type: 'ready';
      readonly clusterId: string;
      readonly pid: number;
      readonly tcp: string;
      readonly http: string;
      /** Brokers only. */
      readonly kafka?: string;
      readonly externalKafka?: string;
      readonly externalTcp?: string;
    }
  /** From a coordinator, whenever that changes. `reason`: what it waits for, or why it does not act; null: nothing to say. */
  | { readonly type: 'state'; readonly state: CoordinatorRole; readonly coordinatorEpoch: number; readonly reason: string | null }
  /** From the acting coordinator, after the election was committed. leader -1: none. */
  | { readonly type: 'leader'; readonly topic: string; readonly partition: number; readonly leader: number; readonly leaderEpoch: number }
  /** Start failed for a reason that a person can mend; the process then ends with exit code 1. One sentence. */
  | { readonly type: 'fatal'; readonly message: string };

/** As #coordinator-core has them, apart from those that are over in a moment. */
export type CoordinatorRole = 'standby' | 'bootstrapping' | 'collecting' | 'active' | 'inactive';

export type SupervisorMessage = {
  readonly type: 'stop';
  /** False when the whole cluster stops: nobody is left to take over (R28). */
  readonly handOver: boolean;
};
