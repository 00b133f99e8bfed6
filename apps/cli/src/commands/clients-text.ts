/** The table of `yak cluster clients`: one row per connection, as the brokers tell it. */
import type { ConnectedClient, ListClientsResponse } from '#rpc';
import { formatTable } from '../../../shared/command/figures.js';
import { formatDuration } from '../../../shared/command/moments.js';
import { hostOfAddress } from './hosts.js';

export interface ClientFilter {
  readonly group?: string;
  readonly topic?: string;
}

/** More of one connection are counted; --json has all. */
const PARTITIONS_SHOWN_MAX = 4;

/**
 * `group`: connections that named a membership of it, and others of the same client (client id and host): Kafka's consumers
 * fetch on other connections than they talk to their group on. `topic`: connections that sent to it or fetched it.
 */
export function selectClients(clients: readonly ConnectedClient[], { group, topic }: ClientFilter): readonly ConnectedClient[] {
  const isMember = (client: ConnectedClient) => client.groups.some((one) => one.groupId === group);
  const members = new Set(clients.filter(isMember).map(identity));
  const isOf = (client: ConnectedClient) => isMember(client) || (client.clientId !== null && members.has(identity(client)));
  const hasTopic = (client: ConnectedClient) => [...client.produced, ...client.fetched].some((one) => one.topic === topic);
  return clients.filter((client) => (group === undefined || isOf(client)) && (topic === undefined || hasTopic(client)));
}

export function clientsText({ omitted, silentBrokers }: ListClientsResponse, shown: readonly ConnectedClient[], nowMs: number): string {
  const rows = shown.map((client) => [
    client.clientId ?? '-',
    client.software === null ? '-' : `${client.software.name} ${client.software.version}`,
    client.address,
    `${client.brokerId} (${client.door})`,
    formatDuration(Math.max(0, nowMs - client.connectedAtMs)),
    partitionsText(client.produced.map((one) => ({ ...one, offset: one.lastAcknowledgedOffset }))),
    partitionsText(client.fetched.map((one) => ({ ...one, offset: one.nextOffset }))),
    client.groups.map(membershipText).join(', ') || '-',
  ]);
  const heading = ['client', 'library', 'address', 'broker', 'for', 'acknowledged to', 'fetches next', 'member of'];
  const lines = [rows.length === 0 ? 'no client is connected' : formatTable([heading, ...rows])];
  if (omitted > 0) lines.push(`${omitted} more connections are open that are not listed.`);
  if (silentBrokers.length > 0) lines.push(`No answer from broker ${silentBrokers.join(', ')}: clients of it are missing here.`);
  return lines.join('\n');
}

function partitionsText(partitions: readonly { topic: string; partition: number; offset: number }[]): string {
  if (partitions.length === 0) return '-';
  const shown = partitions.slice(0, PARTITIONS_SHOWN_MAX).map(({ topic, partition, offset }) => {
    return `${topic}-${partition}${offset < 0 ? '' : `@${offset}`}`;
  });
  const more = partitions.length - shown.length;
  return more > 0 ? `${shown.join(' ')} and ${more} more` : shown.join(' ');
}

function membershipText({ groupId, memberId, groupInstanceId }: ConnectedClient['groups'][number]): string {
  return `${groupId} (${groupInstanceId ?? memberId})`;
}

function identity({ clientId, address }: ConnectedClient): string {
  return JSON.stringify([clientId, hostOfAddress(address)]);
}
