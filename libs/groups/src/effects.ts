/** What one command does, as it comes together: records to append, replies to send once they are committed, timers in reach. */
import type { Answer, Decision, GroupConfig, Reply, Time } from './contract.js';
import type { Deadlines, Timer } from './deadlines.js';
import type { Rebalance } from './messages.js';
import type { GroupRecord } from './records.js';

export class Effects implements Decision {
  readonly records: GroupRecord[] = [];
  readonly answers: Answer[] = [];

  answer<R>(reply: Reply<R>, response: R): void {
    this.answers.push({ reply, response });
  }
}

/** What a timer gets when it fires. */
export interface Due {
  readonly now: Time;
  readonly out: Effects;
}
export type GroupTimer = Timer<Due>;
export type GroupDeadlines = Deadlines<Due>;

/** What the groups of a table share. */
export interface GroupEnvironment {
  readonly config: GroupConfig;
  readonly deadlines: GroupDeadlines;
  /** Past rebalances by group id. */
  readonly histories: Map<string, readonly Rebalance[]>;
  /** Of ids that were given out and have not come back, of all groups, oldest first. */
  readonly pending: Set<GroupTimer>;
  /** A timer changed that group: look after it when the timers are through. */
  touch(groupId: string): void;
}
