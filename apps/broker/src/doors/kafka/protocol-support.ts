/**
 * docs/protocol-support.md, from the code: what the Kafka door serves, where it differs, and what of Kafka's APIs is
 * missing. The spec compares the page with this; `UPDATE_DOCS=1` before its run writes it.
 */
import { ALL_APIS, type VersionRange } from '#wire';
import { HANDLERS } from './handlers/index.js';

export interface KnownApi {
  readonly key: number;
  readonly name: string;
  readonly versions: string;
  readonly latestVersionUnstable?: boolean;
}

export function renderProtocolSupport(kafkaVersion: string, known: readonly KnownApi[]): string {
  const served = ALL_APIS.map((api) => {
    const kafka = known.find(({ key }) => key === api.key);
    const advertised = sameRange(api.versions, api.advertised) ? '' : ` (advertised ${range(api.advertised)})`;
    return `| ${api.key} | ${api.name} | ${range(api.versions)}${advertised} | ${range(api.flexible)} | ${kafkaVersions(kafka)} |`;
  });
  const notes = ALL_APIS.flatMap((api) => {
    const { limitations } = HANDLERS[api.key]!;
    return limitations.length === 0 ? [] : [`**${api.name}**`, ...limitations.map((text) => `- ${text}`), ''];
  });
  const missing = known
    .filter(({ key }) => !ALL_APIS.some((api) => api.key === key))
    .map((api) => `| ${api.key} | ${api.name} | ${kafkaVersions(api)} |`);
  return [
    '# Protocol support',
    '',
    '<!-- Generated from the code: UPDATE_DOCS=1 with apps/broker/src/doors/kafka/protocol-support.spec.ts. -->',
    '',
    `What the Kafka door speaks, beside Apache Kafka ${kafkaVersion}. Every version that is listed is served in full, except`,
    'for what the notes say. A request of an API or version that is not listed closes the connection, as in Kafka;',
    'ApiVersions itself is answered in v0 with UNSUPPORTED_VERSION.',
    '',
    '## Served',
    '',
    '| key | API | versions | flexible | Kafka |',
    '|----:|-----|----------|----------|-------|',
    ...served,
    '',
    '## Notes',
    '',
    ...notes,
    '## Extensions',
    '',
    'Between YaK brokers, Fetch 12+ carries tag 10000 on a partition of the request: `flushedEndOffset`, int64, the',
    "follower's durable end (exclusive). Others skip it.",
    '',
    '## Not served',
    '',
    'Not advertised; clients see that and do without, or say that the broker does not support it.',
    '',
    '| key | API | Kafka |',
    '|----:|-----|-------|',
    ...missing,
    '',
  ].join('\n');
}

function range({ min, max }: VersionRange): string {
  if (max < min) return 'none';
  if (max === 32767) return `${min}+`;
  return min === max ? `${min}` : `${min}-${max}`;
}

function sameRange(a: VersionRange, b: VersionRange): boolean {
  return a.min === b.min && a.max === b.max;
}

function kafkaVersions(api: KnownApi | undefined): string {
  if (!api) return 'none';
  return api.latestVersionUnstable ? `${api.versions} (latest unstable)` : api.versions;
}
