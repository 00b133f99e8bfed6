// Regenerates test/fixtures/wire from the jars of Apache Kafka. Usage:
//   node tools/wire-fixtures/generate.mjs <path of kafka-clients-X.jar>
// Needs unzip and a JDK; Jackson's jars must lie beside that jar. Writes, as facts only (names, types, versions, numbers):
//   fields.json   the fields of every API in APIS, as Kafka's definitions have them
//   apis.json     every API that a broker answers, with its versions
//   errors.json   every error code
//   golden/*.json bytes that Kafka's own classes write for made-up values, in every version
// The specs of libs/wire and the Kafka door read these; no Java runs at test time.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Add an API here when libs/wire gets it. */
const APIS = [
  'Produce',
  'Fetch',
  'ListOffsets',
  'Metadata',
  'OffsetCommit',
  'OffsetFetch',
  'FindCoordinator',
  'JoinGroup',
  'Heartbeat',
  'LeaveGroup',
  'SyncGroup',
  'DescribeGroups',
  'ListGroups',
  'ApiVersions',
  'CreateTopics',
  'DeleteTopics',
  'InitProducerId',
  'OffsetForLeaderEpoch',
  'DescribeConfigs',
  'AlterConfigs',
  'CreatePartitions',
  'DeleteGroups',
  'IncrementalAlterConfigs',
  'OffsetDelete',
  'DescribeCluster',
  'DescribeTopicPartitions',
];

const jar = process.argv[2];
if (!jar) {
  console.error('usage: node tools/wire-fixtures/generate.mjs <path of kafka-clients-X.jar>');
  process.exit(2);
}
const here = dirname(fileURLToPath(import.meta.url));
const fixtures = resolve(here, '../../test/fixtures/wire');
const kafkaVersion = /kafka-clients-(.+)\.jar$/.exec(basename(jar))?.[1] ?? 'unknown';
mkdirSync(join(fixtures, 'golden'), { recursive: true });

const names = execFileSync('unzip', ['-Z1', jar, 'common/message/*.json'], { encoding: 'utf8' }).trim().split('\n');
const definitions = new Map(names.map((name) => [basename(name, '.json'), definition(name)]));

function definition(entry) {
  const text = execFileSync('unzip', ['-p', jar, entry], { encoding: 'utf8' });
  return JSON.parse(text.replace(/^\s*\/\/.*$/gm, ''));
}

// ---- fields ----------------------------------------------------------------------------------------------------------

const lowerFirst = (name) => name[0].toLowerCase() + name.slice(1);

function message(name) {
  const { validVersions, flexibleVersions, fields, commonStructs = [] } = definitions.get(name);
  const common = new Map(commonStructs.map((struct) => [struct.name, struct.fields]));
  return { validVersions, flexibleVersions, fields: fields.map((field) => factsOf(field, common)) };
}

function factsOf(field, common) {
  const element = field.type.replace('[]', '');
  const inner = field.fields ?? common.get(element);
  const facts = {
    name: lowerFirst(field.name),
    type: inner ? field.type.replace(element, 'struct') : field.type,
    versions: field.versions,
  };
  for (const key of ['nullableVersions', 'taggedVersions', 'tag', 'flexibleVersions'])
    if (field[key] !== undefined) facts[key] = field[key];
  if (field.default !== undefined) facts.default = String(field.default);
  if (inner) facts.fields = inner.map((each) => factsOf(each, common));
  return facts;
}

const apis = APIS.map((name) => ({
  key: definitions.get(`${name}Request`).apiKey,
  name,
  request: message(`${name}Request`),
  response: message(`${name}Response`),
}));
const headers = { RequestHeader: message('RequestHeader'), ResponseHeader: message('ResponseHeader') };
write('fields.json', { kafka: kafkaVersion, headers, apis });

const served = [...definitions.values()]
  .filter((each) => each.type === 'request' && each.listeners?.includes('broker') && each.validVersions !== 'none')
  .map((each) => ({
    key: each.apiKey,
    name: each.name.replace(/Request$/, ''),
    versions: each.validVersions,
    flexible: each.flexibleVersions,
    ...(each.latestVersionUnstable ? { latestVersionUnstable: true } : {}),
  }))
  .sort((a, b) => a.key - b.key);
writeFileSync(join(fixtures, 'apis.json'), lines({ kafka: kafkaVersion }, 'apis', served));

// ---- golden bytes ----------------------------------------------------------------------------------------------------

const contains = (range, version) => {
  if (range === undefined || range === 'none') return false;
  const [, min, plus, max] = /^(\d+)(\+|-(\d+))?$/.exec(range);
  return version >= Number(min) && (plus === '+' || version <= Number(max ?? min));
};

/** `full`: everything set, no field at its default; `sparse`: null and empty where allowed, no tags. Distinct numbers show swapped fields. */
function madeUpValue(fields, version, variant, counter) {
  const value = {};
  for (const field of fields) {
    if (!contains(field.versions, version)) continue;
    if (field.tag !== undefined && variant === 'sparse') continue;
    value[field.name] = fieldValue(field, version, variant, counter);
  }
  return value;
}

function fieldValue(field, version, variant, counter) {
  const isSparse = variant === 'sparse';
  if (isSparse && contains(field.nullableVersions, version)) return null;
  if (!field.type.startsWith('[]')) return single(field, field.type, version, variant, counter);
  const count = isSparse ? (field.fields ? 1 : 0) : 2;
  return Array.from({ length: count }, () => single(field, field.type.slice(2), version, variant, counter));
}

function single(field, type, version, variant, counter) {
  const isSparse = variant === 'sparse';
  const n = counter.next++;
  switch (type) {
    case 'struct':
      return madeUpValue(field.fields, version, variant, counter);
    case 'bool':
      return isSparse ? false : field.default !== 'true';
    case 'int8':
      return isSparse ? -1 : n % 128;
    case 'int16':
      return isSparse ? -1 : 256 + n;
    case 'uint16':
      return isSparse ? 0 : 40_000 + n;
    case 'int32':
      return isSparse ? -1 : 0x01020300 + n;
    case 'int64':
      return isSparse ? -1 : (n % 2 === 0 ? 1 : -1) * (2 ** 40 + n);
    case 'string':
      return isSparse ? '' : `näme-${n}`;
    case 'bytes':
    case 'records':
      return isSparse ? '' : Buffer.from(`bytes ${n} `.repeat(n % 3 === 0 ? 40 : 1)).toString('base64');
    case 'uuid':
      return isSparse ? 'AAAAAAAAAAAAAAAAAAAAAA' : Buffer.from(`uuid-${String(n).padStart(11, '0')}`).toString('base64url');
    default:
      throw new Error(`no made-up value for type ${type}`);
  }
}

function jobsOf(name, { validVersions, fields }) {
  const [min, max = min] = validVersions.split('-').map(Number);
  const jobs = [];
  for (let version = min; version <= max; version++) {
    for (const variant of ['full', 'sparse']) {
      jobs.push({ message: name, version, variant, value: madeUpValue(fields, version, variant, { next: 1 }) });
    }
  }
  return jobs;
}

const work = mkdtempSync(join(tmpdir(), 'wire-fixtures-'));
const classPath = [work, join(dirname(resolve(jar)), '*')].join(delimiter);
const java = (input, ...rest) =>
  execFileSync('java', ['-cp', classPath, 'GoldenFrames', ...rest], {
    encoding: 'utf8',
    input,
    stdio: ['pipe', 'pipe', 'ignore'],
    maxBuffer: 1 << 28,
  })
    .replace(/\n$/, '')
    .split('\n');
try {
  execFileSync('javac', ['-d', work, '-cp', classPath, join(here, 'GoldenFrames.java')]);
  for (const { key, name, request, response } of apis) {
    golden(`${String(key).padStart(2, '0')}-${name}`, [...jobsOf(`${name}Request`, request), ...jobsOf(`${name}Response`, response)]);
  }
  golden(
    'headers',
    Object.entries(headers).flatMap(([name, header]) => jobsOf(name, header)),
  );
  const errors = java('', 'errors').map((line) => {
    const [code, name, isRetriable] = line.split(' ');
    return { code: Number(code), name, isRetriable: isRetriable === 'true' };
  });
  writeFileSync(join(fixtures, 'errors.json'), lines({ kafka: kafkaVersion }, 'errors', errors));
} finally {
  rmSync(work, { recursive: true });
}

function golden(file, jobs) {
  const hex = java(jobs.map((job) => JSON.stringify(job)).join('\n'));
  if (hex.length !== jobs.length) throw new Error(`${file}: ${jobs.length} values, ${hex.length} answers`);
  const frames = jobs.map((job, i) => ({ ...job, hex: hex[i] }));
  writeFileSync(join(fixtures, 'golden', `${file}.json`), lines({ kafka: kafkaVersion }, 'frames', frames));
}

/** One element a line, so that a change is a readable diff. */
function lines(head, name, elements) {
  const body = elements.map((element) => `    ${JSON.stringify(element)}`).join(',\n');
  const start = Object.entries(head).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`);
  return `{\n${start.join('')}  ${JSON.stringify(name)}: [\n${body}\n  ]\n}\n`;
}

function write(file, content) {
  writeFileSync(join(fixtures, file), `${JSON.stringify(content, null, 1)}\n`);
}
