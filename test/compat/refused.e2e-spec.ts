/**
 * What YaK does not have, through Kafka's own tools: each ends by itself and soon, and says what is missing. The page of
 * conformance quotes these messages.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasKafkaTools } from '../e2e/support/foreign-tools.js';
import { LocalCluster } from '../e2e/support/local-cluster.js';
import { killClients } from './support/client-process.js';
import { KafkaTools } from './support/kafka-tools.js';

let cluster: LocalCluster;
let tools: KafkaTools;
let hasTools = false;

beforeAll(async () => {
  hasTools = await hasKafkaTools();
  if (!hasTools) return;
  cluster = await LocalCluster.start();
  tools = new KafkaTools(cluster.kafka);
  await tools.run('topics', ['--create', '--topic', 'there', '--partitions', '1']);
}, 120_000);

afterEach(killClients, 20_000);
afterAll(() => cluster?.destroy(), 20_000);

const send = ['--topic', 'there', '--num-records', '1', '--record-size', '1', '--throughput', '1'];
const read = ['--topic', 'there', '--group', 'g'];

// Two JVMs at a time: a test has a line for each.
it.each<[feature: string, ...calls: [tool: string, args: string[], says: RegExp][]]>([
  [
    'the consumer protocol of KIP-848, and transactions',
    [
      'console-consumer',
      [...read, '--command-property', 'group.protocol=consumer'],
      /UnsupportedVersionException: The cluster does not support the new CONSUMER group protocol. Set group.protocol=classic/,
    ],
    [
      'producer-perf-test',
      [...send, '--transactional-id', 't'],
      /Could not find a coordinator with type TRANSACTION .* transactions are not served yet/,
    ],
  ],
  [
    'a list of transactions, and share groups',
    ['transactions', ['list'], /does not support LIST_TRANSACTIONS/],
    ['share-groups', ['--describe', '--group', 'g'], /does not support SHARE_GROUP_DESCRIBE/],
  ],
  [
    'DeleteRecords and ACLs',
    ['delete-records', ['--offset-json-file', 'OFFSETS'], /does not support DELETE_RECORDS/],
    ['acls', ['--list'], /does not support DESCRIBE_ACLS/],
  ],
  [
    'reassignment and log directories',
    ['reassign-partitions', ['--list'], /does not support LIST_PARTITION_REASSIGNMENTS/],
    ['log-dirs', ['--describe'], /does not support DESCRIBE_LOG_DIRS/],
  ],
  [
    'elections asked for, and features',
    ['leader-election', ['--election-type', 'preferred', '--all-topic-partitions'], /does not support ELECT_LEADERS/],
    ['features', ['upgrade', '--release-version', '4.0'], /does not support UPDATE_FEATURES/],
  ],
  [
    'quotas and the metadata quorum',
    ['configs', ['--entity-type', 'clients', '--describe'], /does not support DESCRIBE_CLIENT_QUOTAS/],
    ['metadata-quorum', ['describe', '--status'], /does not support DESCRIBE_QUORUM/],
  ],
])(
  '%s are refused with a word about it',
  async (_feature, ...calls) => {
    if (!hasTools) return;
    const offsets = join(cluster.folder, 'offsets.json');
    writeFileSync(offsets, JSON.stringify({ version: 1, partitions: [{ topic: 'there', partition: 0, offset: 0 }] }));
    await Promise.all(
      calls.map(async ([tool, args, says]) => {
        const said = await tools.complaint(
          tool,
          args.map((arg) => (arg === 'OFFSETS' ? offsets : arg)),
        );
        expect(said).toMatch(says);
      }),
    );
  },
  30_000,
);
