#!/usr/bin/env node
/**
 * The house rules that a machine can check, each with its reason, so that the message teaches (docs/style.md has the rest).
 * It only reads. `checkFiles` is pure: path to text in, problems out; the command line feeds it what git tracks.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Which libs a lib may import through its `#name`, and why the line runs there. Apps may import any lib, test and tools anything. */
export const LIB_DEPENDENCIES = {
  kernel: { may: [], because: 'kernel holds the words that everybody shares; it depends on nothing' },
  seams: { may: ['kernel'], because: 'seams are interfaces only' },
  'seams-node': { may: ['kernel', 'seams'], because: 'adapters know their port and nothing of what uses it' },
  'seams-sim': { may: ['kernel', 'seams'], because: 'adapters know their port and nothing of what uses it' },
  record: { may: ['kernel'], because: 'record batches are bytes; they know neither disk nor wire' },
  log: { may: ['kernel', 'record', 'seams'], because: 'the log knows neither leaders nor metadata; epochs come in as numbers' },
  groups: {
    may: ['kernel', 'seams'],
    because: 'groups are pure: commands and records in, records and answers out; the log is the broker’s',
  },
  metadata: { may: ['kernel', 'seams', 'config'], because: 'decisions are pure: state and command in, records out' },
  'metadata-redis': {
    may: ['kernel', 'metadata', 'seams'],
    because: 'an adapter of the MetadataLog port: with seams-node the only lib that touches the network, through ioredis',
  },
  replication: {
    may: ['kernel', 'metadata'],
    because: 'leader and follower state are pure; files and connections are moved by broker-core',
  },
  rpc: {
    may: ['kernel', 'groups', 'metadata', 'seams'],
    because: 'frames and messages carry metadata records, and know no verb of a broker',
  },
  wire: { may: ['kernel', 'record', 'seams'], because: 'wire and broker-core meet in a door; API versions stop there' },
  config: { may: ['kernel', 'log', 'seams'], because: 'configs are data; only the type of a log config comes from the log' },
  'coordinator-core': {
    may: ['kernel', 'seams', 'metadata', 'rpc', 'config'],
    because: 'the cluster coordinator holds no partition: it never sees a record',
  },
  'broker-core': {
    may: ['kernel', 'seams', 'record', 'log', 'groups', 'metadata', 'replication', 'rpc', 'config'],
    because: 'wire and broker-core meet in a door; API versions stop there',
  },
  client: {
    may: ['kernel', 'seams', 'record', 'groups', 'rpc'],
    because: 'the client speaks the Nest door only and must not know what is behind it',
  },
};

/** Longest source file in lines; beyond some 300 look for the second noun that hides in it. Those listed may stay, and may not grow. */
export const LINES_MAX = 420;
export const LONG_FILES = {
  'libs/client/src/producer.ts': 600,
  'libs/coordinator-core/src/reign.ts': 520,
  'libs/log/src/log-directory.ts': 585,
  'libs/log/src/segmented-log.ts': 540,
  'libs/seams-sim/src/disk.ts': 510,
};
/** `yak produce` and `yak consume` are the two client apps, run by the command line. */
const APPS_IN_APPS = { cli: ['producer', 'consumer'] };
/** Biome formats to 140; only a string or a comment can pass that, and not by much. */
const LINE_LENGTH_MAX = 200;

const AMBIENT = [
  [/\bDate\.now\b|\bnew Date\(\s*\)/, 'the clock'],
  [/\bperformance\.now\b/, 'the clock'],
  [/\b(?:setTimeout|setInterval|setImmediate)\s*\(|\bprocess\.nextTick\b/, 'a timer'],
  [/\bMath\.random\b|\brandomBytes\b|\brandomUUID\b/, 'chance'],
  [/from 'node:(?:fs|fs\/promises|net|http|https|tls|dgram|child_process|timers|timers\/promises|os|worker_threads)'/, 'the machine'],
];
/** Libs that touch the machine on purpose. */
const AMBIENT_ALLOWED = [/^libs\/seams-node\//, /^libs\/seams-sim\/src\/drain\.ts$/, /^libs\/[^/]+\/src\/testing\//];

/** @param {ReadonlyMap<string, string>} files path from the root, with `/`, to content @returns {string[]} one line per problem */
export function checkFiles(files, exists = (path) => files.has(path)) {
  const problems = [];
  const say = (path, line, message) => problems.push(`${path}${line ? `:${line}` : ''}: ${message}`);
  for (const [path, text] of files) {
    if (isSource(path)) checkSource(path, text, say);
    if (path.endsWith('.md')) checkLinks(path, text, exists, say);
    if (isSource(path) || path.endsWith('.md')) checkMentions(path, text, exists, say);
    if (/^(?:apps|libs|test|bench|tools|docs|bin)\//.test(path) || !path.includes('/')) checkLeftovers(path, text, say);
  }
  checkLibs(files, say);
  return problems;
}

function isSource(path) {
  return /\.(?:ts|mjs)$/.test(path) && !path.startsWith('test/fixtures/');
}

function isSpec(path) {
  return /[.-]spec\.ts$/.test(path);
}

function checkSource(path, text, say) {
  const lines = text.split('\n');
  const allowed = LONG_FILES[path] ?? LINES_MAX;
  if (lines.length > allowed && !isSpec(path)) {
    say(
      path,
      0,
      `${lines.length} lines, at most ${allowed}: look for the second noun that hides in it, or argue for an entry in LONG_FILES`,
    );
  }
  const code = withoutComments(text).split('\n');
  code.forEach((line, index) => {
    if ((lines[index] ?? '').length > LINE_LENGTH_MAX && !isSpec(path)) say(path, index + 1, `longer than ${LINE_LENGTH_MAX} characters`);
    checkImports(path, line, (message) => say(path, index + 1, message));
    if (isAmbientChecked(path)) {
      for (const [pattern, what] of AMBIENT) {
        if (pattern.test(line))
          say(path, index + 1, `uses ${what} directly; libs take it from #seams, so that a run replays from its seed`);
      }
    }
  });
}

function isAmbientChecked(path) {
  return path.startsWith('libs/') && !isSpec(path) && !AMBIENT_ALLOWED.some((pattern) => pattern.test(path));
}

function checkImports(path, line, say) {
  const target = /(?:from|import)\s*\(?\s*'([^']+)'/.exec(line)?.[1];
  if (!target) return;
  const owner = /^libs\/([^/]+)\//.exec(path)?.[1];
  if (/^#[^/]+\//.test(target)) say(`imports ${target}: a lib is imported through its index.ts only`);
  if (target.startsWith('.')) {
    const resolved = normalize(join(dirname(path), target)).replaceAll('\\', '/');
    const into = /^libs\/([^/]+)\//.exec(resolved)?.[1];
    if (into && into !== owner && !path.startsWith('test/') && !isSpec(path)) say(`reaches into libs/${into} by path: import '#${into}'`);
    if (owner && resolved.startsWith('apps/')) say('a lib imports an app: apps depend on libs, never the other way');
    if (resolved.startsWith('test/') && !/^(test|bench)\//.test(path) && !isSpec(path))
      say('imports from test/: nothing that ships may depend on tests');
    checkAppBoundary(path, resolved, say);
    return;
  }
  if (owner && /^@nestjs\/|^rxjs|^class-(?:validator|transformer)/.test(target) && !isSpec(path)) {
    say(`imports ${target}: the engine is plain TypeScript, Nest is the shell (apps)`);
  }
  if (owner && owner !== 'metadata-redis' && target === 'ioredis' && !isSpec(path))
    say('imports ioredis: Redis is known to libs/metadata-redis only');
  const lib = /^#([\w-]+)$/.exec(target)?.[1];
  if (!owner || !lib || lib === owner || isSpec(path) || /\/src\/testing\//.test(path)) return;
  const rule = LIB_DEPENDENCIES[owner];
  if (rule && !rule.may.includes(lib)) say(`libs/${owner} must not import #${lib}: ${rule.because}`);
}

/** Apps share code through apps/shared and through libs. */
function checkAppBoundary(path, resolved, say) {
  const from = /^apps\/([^/]+)\//.exec(path)?.[1];
  const into = /^apps\/([^/]+)\//.exec(resolved)?.[1];
  if (from && into && from !== into && into !== 'shared' && !APPS_IN_APPS[from]?.includes(into) && !isSpec(path))
    say(`reaches into apps/${into}: what apps share lives in apps/shared or in a lib`);
}

function checkLibs(files, say) {
  const libs = new Set([...files.keys()].map((path) => /^libs\/([^/]+)\//.exec(path)?.[1]).filter(Boolean));
  for (const lib of libs) {
    if (!files.has(`libs/${lib}/README.md`))
      say(`libs/${lib}`, 0, 'has no README.md: what it is, what it refuses to be, three files to read first');
    if (!files.has(`libs/${lib}/src/index.ts`)) say(`libs/${lib}`, 0, 'has no src/index.ts, the only way in');
    if (!LIB_DEPENDENCIES[lib]) say(`libs/${lib}`, 0, 'has no row in LIB_DEPENDENCIES of tools/tidy.mjs: say what it may import and why');
  }
}

function checkLinks(path, text, exists, say) {
  withoutFences(text)
    .split('\n')
    .forEach((line, index) => {
      for (const [, target] of line.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:|^#/.test(target)) continue;
        const file = normalize(join(dirname(path), target.split('#')[0])).replaceAll('\\', '/');
        if (!exists(file.replace(/\/$/, ''))) say(path, index + 1, `links to ${target}, which does not exist`);
      }
    });
}

/** Comments cite pages as docs/….md; a page that was renamed must not leave them dangling. */
function checkMentions(path, text, exists, say) {
  text.split('\n').forEach((line, index) => {
    for (const [mention] of line.matchAll(/(?<![\w./-])docs\/[\w./-]+\.md\b/g)) {
      if (!exists(mention)) say(path, index + 1, `names ${mention}, which does not exist`);
    }
  });
}

function checkLeftovers(path, text, say) {
  if (!isSource(path) && !path.endsWith('.md')) return;
  const marks = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`);
  text.split('\n').forEach((line, index) => {
    if (marks.test(line)) say(path, index + 1, 'is marked as unfinished: finish it, or open an issue and say nothing here');
    if (/\bdescribe\.only\b|\bit\.only\b|\btest\.only\b/.test(line) && isSpec(path)) say(path, index + 1, 'would run only this test');
  });
}

/** Same line count, so that numbers stay true. Strings that contain comment marks are rare enough not to matter. */
function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' ')).replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
}

function withoutFences(text) {
  return text.replace(/^```[\s\S]*?^```/gm, (block) => block.replace(/[^\n]/g, ' '));
}

function main() {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..');
  const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const paths = tracked.split('\n').filter((path) => /\.(?:ts|mjs|md)$/.test(path) && existsSync(join(root, path)));
  const files = new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
  const problems = checkFiles(files, (path) => existsSync(join(root, path)));
  for (const problem of problems) console.error(problem);
  console.error(problems.length === 0 ? `tidy: ${files.size} files, nothing to say` : `tidy: ${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
