/**
 * What members of protocolType `consumer` put into a group's opaque bytes (Kafka's ConsumerProtocol, versions 0 to 3):
 *
 *   Subscription => version:int16 [topic:string] userData:bytes? v1+ [topic [partition:int32]] v2+ generationId:int32 v3+ rackId:string?
 *   Assignment   => version:int16 [topic:string [partition:int32]] userData:bytes?
 *
 * A version above ours is read as ours: Kafka promises that later ones only append fields. The group coordinator parses
 * subscriptions only to know topics (retention, OffsetDelete); a group works with bytes that it cannot parse.
 */
import { ByteReader, ByteWriter } from './bytes.js';

export const CONSUMER_PROTOCOL_TYPE = 'consumer';
export const CONSUMER_PROTOCOL_VERSION_MAX = 3;

export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface Subscription {
  readonly topics: readonly string[];
  readonly userData: Buffer | null;
  readonly ownedPartitions: readonly TopicPartitions[];
  /** In which ownedPartitions were owned; -1 unknown. */
  readonly generationId: number;
  readonly rackId: string | null;
}
export interface Assignment {
  readonly partitions: readonly TopicPartitions[];
  readonly userData: Buffer | null;
}

/** Topics and owned topics are written sorted, so that the same subscription is the same bytes. */
export function encodeSubscription(
  subscription: Partial<Subscription> & Pick<Subscription, 'topics'>,
  version = CONSUMER_PROTOCOL_VERSION_MAX,
): Buffer {
  const writer = new ByteWriter().int16(version);
  writer.array([...subscription.topics].sort(), (topic) => writer.string(topic));
  writer.nullableBytes(subscription.userData ?? null);
  if (version >= 1) writeTopics(writer, subscription.ownedPartitions ?? []);
  if (version >= 2) writer.int32(subscription.generationId ?? -1);
  if (version >= 3) writer.nullableString(subscription.rackId ?? null);
  return writer.finish();
}

/** Throws CorruptionError. */
export function decodeSubscription(bytes: Buffer): Subscription {
  const reader = new ByteReader(bytes, 'subscription of a member');
  const version = readVersion(reader);
  return {
    topics: reader.array(() => reader.string()),
    userData: reader.nullableBytes(),
    // KafkaJS says version 1 and ends here.
    ownedPartitions: version >= 1 && reader.remaining > 0 ? readTopics(reader) : [],
    generationId: version >= 2 ? reader.int32() : -1,
    rackId: version >= 3 ? reader.nullableString() : null,
  };
}

export function encodeAssignment(
  assignment: Partial<Assignment> & Pick<Assignment, 'partitions'>,
  version = CONSUMER_PROTOCOL_VERSION_MAX,
): Buffer {
  const writer = new ByteWriter().int16(version);
  writeTopics(writer, assignment.partitions);
  return writer.nullableBytes(assignment.userData ?? null).finish();
}

/** Empty bytes are an empty assignment (a member that the leader left out). Throws CorruptionError. */
export function decodeAssignment(bytes: Buffer): Assignment {
  if (bytes.length === 0) return { partitions: [], userData: null };
  const reader = new ByteReader(bytes, 'assignment of a member');
  readVersion(reader);
  return { partitions: readTopics(reader), userData: reader.nullableBytes() };
}

function readVersion(reader: ByteReader): number {
  const version = reader.int16();
  if (version < 0) reader.fail(`version ${version} of the consumer protocol does not exist`);
  return version;
}

function readTopics(reader: ByteReader): TopicPartitions[] {
  return reader.array(() => ({ topic: reader.string(), partitions: reader.array(() => reader.int32()) }));
}

function writeTopics(writer: ByteWriter, topics: readonly TopicPartitions[]): void {
  const sorted = [...topics].sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0));
  writer.array(sorted, (each) => {
    writer.string(each.topic);
    writer.array(each.partitions, (partition) => writer.int32(partition));
  });
}
