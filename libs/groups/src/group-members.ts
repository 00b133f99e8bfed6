/**
 * The members of one group in the order in which they came, with what is counted over them: who supports which protocol,
 * who waits in a join, how many bytes they said. Also the ids that were given out and have not come back yet (KIP-394).
 *
 * Invariants: at least one protocol is supported by all members; the leader is a member (null only without members);
 * one member per group.instance.id.
 */
import { assert } from '#kernel';
import type { Reply } from './contract.js';
import type { GroupTimer } from './effects.js';
import { type GroupMember, keptProtocols, type Protocols } from './group-member.js';
import type { JoinGroupResponse } from './messages.js';

export class GroupMembers {
  private readonly byId = new Map<string, GroupMember>();
  private readonly byInstanceId = new Map<string, GroupMember>();
  private readonly supporters = new Map<string, number>();
  private bytes = 0;
  private parked = 0;
  /** Member id to the timer after which it is forgotten. */
  readonly pending = new Map<string, GroupTimer>();
  leaderId: string | null = null;

  get size(): number {
    return this.byId.size;
  }

  get metadataBytes(): number {
    return this.bytes;
  }

  get parkedJoins(): number {
    return this.parked;
  }

  get haveAllJoined(): boolean {
    return this.parked === this.byId.size && this.pending.size === 0;
  }

  /** Of the slowest member, 0 without members. */
  get rebalanceTimeoutMs(): number {
    let longest = 0;
    for (const { rebalanceTimeoutMs } of this.byId.values()) longest = Math.max(longest, rebalanceTimeoutMs);
    return longest;
  }

  get(memberId: string): GroupMember | undefined {
    return this.byId.get(memberId);
  }

  withInstanceId(groupInstanceId: string): GroupMember | undefined {
    return this.byInstanceId.get(groupInstanceId);
  }

  has(memberId: string): boolean {
    return this.byId.has(memberId);
  }

  [Symbol.iterator](): IterableIterator<GroupMember> {
    return this.byId.values();
  }

  isLeader(memberId: string): boolean {
    return this.leaderId === memberId;
  }

  add(member: GroupMember): void {
    assert(!this.byId.has(member.memberId), `member ${member.memberId} is there already`);
    this.byId.set(member.memberId, member);
    if (member.groupInstanceId !== null) {
      assert(!this.byInstanceId.has(member.groupInstanceId), `instance id ${member.groupInstanceId} is taken`);
      this.byInstanceId.set(member.groupInstanceId, member);
    }
    this.count(member, 1);
    if (member.parkedJoin) this.parked++;
    this.leaderId ??= member.memberId;
  }

  /** Its replies are the caller's to answer. The next in line leads, if it led. */
  remove(member: GroupMember): void {
    assert(this.byId.delete(member.memberId), `member ${member.memberId} is not there`);
    if (member.groupInstanceId !== null) this.byInstanceId.delete(member.groupInstanceId);
    this.count(member, -1);
    if (member.parkedJoin) this.parked--;
    if (this.isLeader(member.memberId)) this.leaderId = this.byId.keys().next().value ?? null;
  }

  changeProtocols(member: GroupMember, protocols: Protocols): void {
    this.count(member, -1);
    member.protocols = keptProtocols(protocols);
    member.areProtocolsComplete = true;
    this.count(member, 1);
  }

  parkJoin(member: GroupMember, reply: Reply<JoinGroupResponse>): void {
    assert(member.parkedJoin === null, `a join of ${member.memberId} is parked already`);
    member.parkedJoin = reply;
    this.parked++;
  }

  takeParkedJoin(member: GroupMember): Reply<JoinGroupResponse> | null {
    const reply = member.parkedJoin;
    if (reply) this.parked--;
    member.parkedJoin = null;
    return reply;
  }

  /** Whether one of the names is supported by every member, `except` left out. */
  supportOneOf(names: readonly string[], except: GroupMember | undefined): boolean {
    const others = except ? this.size - 1 : this.size;
    const own = new Set(except?.protocols.map(({ name }) => name));
    return names.some((name) => (this.supporters.get(name) ?? 0) - (own.has(name) ? 1 : 0) === others);
  }

  /** Every member votes for the first of its protocols that all support; with equal votes the one that was voted for first. */
  selectProtocol(): string {
    const votes = new Map<string, number>();
    for (const member of this.byId.values()) {
      const vote = member.protocols.find(({ name }) => this.supporters.get(name) === this.size);
      assert(vote, `no protocol of ${member.memberId} is supported by all members`);
      votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1);
    }
    let [selected, most] = ['', 0];
    for (const [name, count] of votes) if (count > most) [selected, most] = [name, count];
    return selected;
  }

  /** The leader stays if it joined again; else the first that did. False: nobody did. */
  electJoinedLeader(): boolean {
    if (this.leaderId !== null && this.byId.get(this.leaderId)!.parkedJoin) return true;
    for (const member of this.byId.values()) {
      if (!member.parkedJoin) continue;
      this.leaderId = member.memberId;
      return true;
    }
    return false;
  }

  private count(member: GroupMember, sign: 1 | -1): void {
    this.bytes += sign * member.metadataBytes;
    for (const { name } of member.protocols) {
      const supporters = (this.supporters.get(name) ?? 0) + sign;
      if (supporters > 0) this.supporters.set(name, supporters);
      else this.supporters.delete(name);
    }
  }
}
