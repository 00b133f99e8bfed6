/**
 * What all brokers know of one record, put together and said in sentences. Answers were given at slightly different moments;
 * the leader's counts where they differ.
 */
import type { RecordWhereabouts } from '#client';
import type { LocateRecordRequest, LocateRecordResponse } from '#rpc';
import { formatBytes, formatCount, formatTable } from '../../../shared/command/figures.js';
import { formatDuration, formatMoment } from '../../../shared/command/moments.js';
import { printableLine } from '../../../shared/command/printable.js';
import { hostOfAddress, hostOfMember } from './hosts.js';

/**
 * `uncommitted`: stored by the leader, not below the high watermark yet. `deleted`: below the start of the log. `compacted`:
 * inside the log, but not there. `unknown`: no leader, or one that did not answer, and the others cannot tell.
 */
export type RecordState = 'committed' | 'uncommitted' | 'not-written' | 'deleted' | 'compacted' | 'unknown';

type Replica = NonNullable<LocateRecordResponse['replica']>;
type Group = LocateRecordResponse['groups'][number];

const GROUPS_SHOWN_MAX = 20;
const READERS_SHOWN_MAX = 5;
/** Sequences of a producer run from 0 to 2^31-1 and around. */
const SEQUENCES = 0x8000_0000;

interface Holder {
  readonly answer: LocateRecordResponse;
  readonly replica: Replica;
}

export function recordState(offset: number, whereabouts: RecordWhereabouts): RecordState {
  const leader = leaderOf(whereabouts);
  const witness = leader ?? bestFollower(whereabouts);
  if (!witness) return 'unknown';
  const { answer, replica } = witness;
  if (offset < replica.logStartOffset) return 'deleted';
  if (offset >= replica.logEndOffset) return leader ? 'not-written' : 'unknown';
  if (!answer.batch) return leader ? 'compacted' : 'unknown';
  if (offset < replica.highWatermark) return 'committed';
  return leader ? 'uncommitted' : 'unknown';
}

/** Of a record that is `unknown`. */
export function whyUnknown({ partition }: RecordWhereabouts): string {
  return partition.leader < 0 ? 'the partition has no leader now' : 'the leader did not answer';
}

export function whereText(request: LocateRecordRequest, whereabouts: RecordWhereabouts, nowMs: number): string {
  const { offset } = request;
  const state = recordState(offset, whereabouts);
  const isStored = state === 'committed' || state === 'uncommitted' || hasBatch(whereabouts);
  const lines = [
    headline(request, state, whereabouts),
    ...(isStored ? [...origin(offset, whereabouts, nowMs), ...watermark(offset, whereabouts, nowMs)] : []),
    ...(isStored ? replicas(offset, whereabouts) : []),
    ...(state === 'not-written' ? [] : groups(offset, whereabouts)),
    ...(isStored ? readers(whereabouts, nowMs) : []),
    ...silence(whereabouts),
  ];
  return lines.map(printableLine).join('\n');
}

// ---- what it is ----

function headline({ topic, partition, offset }: LocateRecordRequest, state: RecordState, whereabouts: RecordWhereabouts): string {
  const name = `${topic}-${partition} offset ${formatCount(offset)}`;
  const replica = (leaderOf(whereabouts) ?? bestFollower(whereabouts))?.replica;
  switch (state) {
    case 'committed':
      return `${name} is committed.`;
    case 'uncommitted':
      return `${name} is stored but not committed: the high watermark is ${formatCount(replica!.highWatermark)}, so no consumer sees it yet.`;
    case 'not-written':
      return `${name} does not exist yet: the next record of the partition will be ${formatCount(replica!.logEndOffset)}.`;
    case 'deleted':
      return `${name} is gone: the log begins at ${formatCount(replica!.logStartOffset)} now (retention, or deleted records).`;
    case 'compacted':
      return `${name} is gone: the log goes on around it, so compaction removed it (a later record has its key, or its deletion mark expired).`;
    case 'unknown':
      return `${name}: ${whyUnknown(whereabouts)}, so it is not known whether the record is committed.`;
  }
}

function origin(offset: number, whereabouts: RecordWhereabouts, nowMs: number): string[] {
  const batch = batchOf(whereabouts)!;
  const remembered = whereabouts.answers.find((answer) => answer.producer !== null);
  const producer = remembered?.producer;
  const who = producer
    ? `Stored by ${clientText(producer.clientId, producer.software, producer.address)}; broker ${remembered!.brokerId} took it ${ago(producer.atMs, nowMs)}.`
    : 'Who stored it is not remembered: a broker remembers its latest batches only, and only until it restarts.';
  const sequence = (batch.baseSequence + offset - batch.baseOffset) % SEQUENCES;
  const idempotence =
    batch.producerId < 0
      ? 'Its producer is not idempotent'
      : `Producer id ${batch.producerId}, epoch ${batch.producerEpoch}, sequence ${sequence}`;
  const extent =
    batch.baseOffset === batch.lastOffset
      ? 'alone in its batch'
      : `in the batch of ${formatCount(batch.baseOffset)} to ${formatCount(batch.lastOffset)}`;
  return [
    who,
    `${idempotence}; ${extent} (${formatBytes(batch.sizeBytes)}), written in leader epoch ${batch.leaderEpoch}.`,
    `Its timestamp is ${moment(batch.timestamp)}.`,
  ];
}

function watermark(offset: number, whereabouts: RecordWhereabouts, nowMs: number): string[] {
  const leader = leaderOf(whereabouts);
  if (!leader) return [];
  const { brokerId } = leader.answer;
  const { highWatermark, committedAtMs, leaderEpoch } = leader.replica;
  const end = `The leader is broker ${brokerId} in leader epoch ${leaderEpoch}; its high watermark is ${formatCount(highWatermark)}`;
  if (highWatermark <= offset) return [`${end}.`];
  const since = committedAtMs === null ? 'longer ago than it remembers' : ago(committedAtMs, nowMs);
  return [`${end} and passed the record ${since}.`];
}

// ---- where it is ----

function replicas(offset: number, { partition, answers, silentBrokers }: RecordWhereabouts): string[] {
  const leaderEnd = Math.max(...holders(answers).map(({ replica }) => replica.logEndOffset));
  const rows = partition.replicas.map((brokerId) => {
    const replica = answers.find((answer) => answer.brokerId === brokerId)?.replica;
    const isInSync = partition.isr.includes(brokerId) ? 'yes' : 'no';
    if (!replica) return [`  ${brokerId}`, silentBrokers.includes(brokerId) ? 'no answer' : 'away', '?', '?', isInSync];
    const behind = leaderEnd - replica.logEndOffset;
    return [`  ${brokerId}`, replica.role, holding(offset, replica), behind === 0 ? '-' : formatCount(behind), isInSync];
  });
  return formatTable([['  replica', 'role', 'holds it', 'records behind', 'in sync'], ...rows]).split('\n');
}

function holding(offset: number, replica: Replica): string {
  if (replica.role === 'failed') return 'failed';
  if (offset < replica.logStartOffset) return 'deleted';
  if (offset < replica.flushedEndOffset) return 'durably';
  return offset < replica.logEndOffset ? 'not synced yet' : 'not yet';
}

// ---- who has it ----

function groups(offset: number, whereabouts: RecordWhereabouts): string[] {
  const all = groupsOf(whereabouts);
  if (all.length === 0) return ['No consumer group has committed an offset in this partition.'];
  const end = (leaderOf(whereabouts) ?? bestFollower(whereabouts))?.replica.highWatermark ?? null;
  const sentences = all.slice(0, GROUPS_SHOWN_MAX).map((group) => groupText(offset, group, end));
  return all.length > GROUPS_SHOWN_MAX ? [...sentences, `${all.length - GROUPS_SHOWN_MAX} more groups: --json has them.`] : sentences;
}

function groupText(offset: number, { groupId, state, committedOffset, owner }: Group, end: number | null): string {
  const member = owner
    ? `; member ${owner.groupInstanceId ?? owner.memberId} (${owner.clientId} at ${hostOfMember(owner)}) has the partition`
    : `; it is ${state}`;
  if (committedOffset === null) return `Group ${groupId} has committed nothing here${member}.`;
  const committed = `committed ${formatCount(committedOffset)}`;
  const lag = end === null ? '' : `, lag ${formatCount(Math.max(0, end - committedOffset))}`;
  if (committedOffset > offset) return `Group ${groupId} is past it (${committed}${lag})${member}.`;
  const before = offset - committedOffset;
  const next = before === 0 ? 'it is the next to be committed' : `${formatCount(before)} records before it`;
  return `Group ${groupId} is not past it (${committed}, ${next}${lag})${member}.`;
}

function readers(whereabouts: RecordWhereabouts, nowMs: number): string[] {
  const all = whereabouts.answers.flatMap((answer) => answer.fetchedBy.map((one) => ({ ...one, brokerId: answer.brokerId })));
  if (all.length === 0) return ['No connection that is open now has fetched past it.'];
  const owners = groupsOf(whereabouts).filter((group) => group.owner !== null);
  const sentences = all
    .sort((a, b) => b.atMs - a.atMs)
    .slice(0, READERS_SHOWN_MAX)
    .map((one, index) => {
      const who = `${one.clientId ?? 'a client without id'} at ${one.address}${membership(one, owners)}`;
      const when = `from broker ${one.brokerId}, ${ago(one.atMs, nowMs)}`;
      return index === 0 ? `Fetched past it last by ${who}, ${when}.` : `Before that by ${who}, ${when}.`;
    });
  return all.length > READERS_SHOWN_MAX
    ? [...sentences, `${all.length - READERS_SHOWN_MAX} more connections: --json has them.`]
    : sentences;
}

/** Kafka's consumers fetch on another connection than they talk to their group on; client id and host tell the member then. */
function membership(reader: LocateRecordResponse['fetchedBy'][number], owners: readonly Group[]): string {
  if (reader.groupId !== null) return ` (member ${reader.memberId} of group ${reader.groupId})`;
  const matching = owners.filter(
    ({ owner }) => owner!.clientId === reader.clientId && hostOfMember(owner!) === hostOfAddress(reader.address),
  );
  if (matching.length !== 1) return '';
  const [{ groupId, owner }] = matching as [Group];
  return ` (by client id and host member ${owner!.groupInstanceId ?? owner!.memberId} of group ${groupId})`;
}

function silence({ silentBrokers }: RecordWhereabouts): string[] {
  if (silentBrokers.length === 0) return [];
  return [`No answer from broker ${silentBrokers.join(', ')}: what it knows, its groups included, is missing here.`];
}

// ---- small things ----

function holders(answers: readonly LocateRecordResponse[]): Holder[] {
  return answers.flatMap((answer) => (answer.replica ? [{ answer, replica: answer.replica }] : []));
}

/** Two may believe that they lead for a moment: the higher epoch does. */
function leaderOf({ answers }: RecordWhereabouts): Holder | null {
  const leaders = holders(answers).filter(({ replica }) => replica.role === 'leader');
  return leaders.sort((a, b) => b.replica.leaderEpoch - a.replica.leaderEpoch)[0] ?? null;
}

function bestFollower({ answers }: RecordWhereabouts): Holder | null {
  const followers = holders(answers).filter(({ replica }) => replica.role !== 'failed');
  return followers.sort((a, b) => b.replica.highWatermark - a.replica.highWatermark)[0] ?? null;
}

function batchOf(whereabouts: RecordWhereabouts): LocateRecordResponse['batch'] {
  const leader = leaderOf(whereabouts);
  if (leader) return leader.answer.batch;
  return whereabouts.answers.find((answer) => answer.batch !== null)?.batch ?? null;
}

function hasBatch(whereabouts: RecordWhereabouts): boolean {
  return batchOf(whereabouts) !== null;
}

function groupsOf({ answers }: RecordWhereabouts): Group[] {
  return answers.flatMap((answer) => answer.groups).sort((a, b) => (a.groupId < b.groupId ? -1 : a.groupId > b.groupId ? 1 : 0));
}

function clientText(clientId: string | null, software: string | null, address: string): string {
  return `${clientId ?? 'a client without id'} (${software ?? 'library unknown'}) at ${address}`;
}

function ago(wallMs: number, nowMs: number): string {
  return `${formatDuration(Math.max(0, nowMs - wallMs))} ago (${moment(wallMs)})`;
}

function moment(wallMs: number): string {
  const isDate = wallMs >= 0 && wallMs <= 8.64e15;
  return isDate ? formatMoment(wallMs) : `${wallMs} ms`;
}
