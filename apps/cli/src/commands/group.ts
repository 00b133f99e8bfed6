/** Groups from the command line: list, describe, why, delete. What is printed is made in group-text.ts. */
import type { Client, DescribedGroup, PartitionProgress } from '#client';
import { KafkaError, type KafkaErrorName } from '#kernel';
import { EXIT, type ExitCode } from '../../../shared/command/exit-codes.js';
import { PartialError } from '../../../shared/command/failure.js';
import { type Assignments, assignmentsOf, ownersOf } from './group-assignments.js';
import type { DeleteGroupsOptions, ListGroupsOptions } from './group-command.js';
import { historyText, listText, membersSentence, overviewText } from './group-text.js';

export type Print = (text: string) => void;
type Output = { readonly json?: boolean };

export async function listGroups(client: Client, options: ListGroupsOptions, print: Print): Promise<ExitCode> {
  const { groups, silentBrokers } = await client.admin.groups.list(options.state);
  if (options.json) print(JSON.stringify({ groups, silentBrokers }));
  else if (groups.length > 0) print(listText(groups));
  if (silentBrokers.length === 0) return EXIT.OK;
  const who = silentBrokers.map(({ brokerId, reason }) => `broker ${brokerId} (${reason})`).join(', ');
  throw new PartialError(`groups may be missing from the list, because not every broker answered: ${who}`);
}

export async function describeGroup(client: Client, groupId: string, options: Output, print: Print): Promise<ExitCode> {
  const group = await knownGroup(client, groupId);
  const assignments = assignmentsOf(group);
  const assigned = [...assignments.values()].flatMap((topics) => topics ?? []);
  const also = assigned.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
  const progress = await client.admin.groups.progress(groupId, also);
  if (options.json) print(JSON.stringify(jsonOverview(group, assignments, progress)));
  else print(overviewText(group, assignments, progress));
  return EXIT.OK;
}

export async function explainGroup(client: Client, groupId: string, options: Output, print: Print): Promise<ExitCode> {
  const history = await client.admin.groups.history(groupId);
  if (history.error !== 'NONE') throw groupError(groupId, history.error);
  print(options.json ? JSON.stringify({ groupId, rebalances: history.rebalances }) : historyText(groupId, history.rebalances));
  return EXIT.OK;
}

export async function deleteGroups(
  client: Client,
  groupIds: readonly string[],
  options: DeleteGroupsOptions,
  print: Print,
): Promise<ExitCode> {
  const answers = await client.admin.groups.delete(groupIds);
  const results = answers.map((one) => {
    const isMissing = one.error === 'GROUP_ID_NOT_FOUND';
    // A repeated attempt that finds nothing left has very likely done it.
    const isForgiven = isMissing && (options.ifExists === true || one.message !== undefined);
    return { ...one, isForgiven, isDeleted: one.error === 'NONE' };
  });
  const failed = results.filter((one) => !one.isDeleted && !one.isForgiven);
  const members = await membersOf(
    client,
    failed.filter(({ error }) => error === 'NON_EMPTY_GROUP').map(({ groupId }) => groupId),
  );
  const reasonOf = ({ groupId, error }: { groupId: string; error: KafkaErrorName }) =>
    error === 'NON_EMPTY_GROUP' ? `it has members${members.get(groupId) ?? ''}; stop them first` : reasonText(error);
  if (options.json) {
    const shown = results.map(({ groupId, error, isDeleted, isForgiven }) => {
      const failure = isDeleted || isForgiven ? {} : { error, message: reasonOf({ groupId, error }) };
      return { groupId, ...failure, deleted: isDeleted };
    });
    print(JSON.stringify(shown));
  } else {
    for (const { groupId, isDeleted, isForgiven, message } of results) {
      if (isDeleted) print(`${groupId} deleted`);
      else if (isForgiven) print(message === undefined ? `${groupId} does not exist` : `${groupId} is gone: ${message}`);
    }
  }
  if (failed.length === 0) return EXIT.OK;
  const sentence = failed.map((one) => `group ${one.groupId} was not deleted: ${reasonOf(one)}`).join('; ');
  throw failed.length === results.length ? new KafkaError(failed[0]!.error, sentence) : new PartialError(sentence);
}

/** Throws when it does not exist, or may not be seen. */
async function knownGroup(client: Client, groupId: string): Promise<DescribedGroup> {
  const group = (await client.admin.groups.describe([groupId]))[0]!;
  if (group.error !== 'NONE') throw groupError(groupId, group.error, group.message);
  return group;
}

export function groupError(groupId: string, error: KafkaErrorName, message?: string): KafkaError {
  return new KafkaError(
    error,
    error === 'GROUP_ID_NOT_FOUND' ? `group ${groupId} does not exist` : `group ${groupId}: ${message ?? error}`,
  );
}

/** What is wanted beside the refusal; a group that cannot be described now is refused without it. */
async function membersOf(client: Client, groupIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (groupIds.length === 0) return new Map();
  const described = await client.admin.groups.describe(groupIds).catch(() => []);
  return new Map(described.filter((one) => one.members.length > 0).map((one) => [one.groupId, ` (${membersSentence(one.members)})`]));
}

function reasonText(error: KafkaErrorName): string {
  return error === 'GROUP_ID_NOT_FOUND' ? 'it does not exist' : error;
}

function jsonOverview(group: DescribedGroup, assignments: Assignments, progress: readonly PartitionProgress[]): object {
  const owners = ownersOf(assignments);
  return {
    groupId: group.groupId,
    state: group.state,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    coordinatorId: group.coordinatorId,
    members: group.members.map(({ memberId, groupInstanceId, clientId, clientHost }) => {
      return { memberId, groupInstanceId, clientId, clientHost, assignment: assignments.get(memberId) ?? null };
    }),
    partitions: progress.map(({ error, ...one }) => ({
      ...one,
      owner: owners.get(`${one.topic}-${one.partition}`) ?? null,
      ...(error === 'NONE' ? {} : { error }),
    })),
  };
}
