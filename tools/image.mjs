#!/usr/bin/env node
/**
 * `npm run image`: builds the image of all apps with whichever of docker, podman and buildah is here and works.
 * Options after `--`; see USAGE. What is built is the working tree, committed or not.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chooseEngine, ENGINES } from './image/engines.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const USAGE = `Usage: npm run image -- [options]

  --tag NAME          name of the image (default yak:dev, as in k8s/)
  --archive FILE      also write it as an OCI archive, to be loaded elsewhere
  --engine NAME       ${ENGINES.map((engine) => engine.name).join(', ')} (default: the first one that works)
  --build-image NAME  where it is built: node, npm, glibc (default: see the Dockerfile)
  --base-image NAME   what it runs on: /nodejs/bin/node of the same major version, glibc (default: see the Dockerfile)`;

/** Default of an ARG, so that the Dockerfile stays the only place that names it. */
function defaultOf(arg) {
  return new RegExp(`^ARG ${arg}=(\\S+)$`, 'm').exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))[1];
}

function run(command, args, env = {}) {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
  if (error?.code === 'ENOENT') return { code: 127, stdout: '', stderr: 'not installed' };
  return { code: status ?? 1, stdout: stdout ?? '', stderr: error ? error.message : stderr };
}

/** Its output is the user's; `quiet` keeps it for when it fails. */
function show([command, args, env = {}], quiet) {
  const options = { cwd: ROOT, env: { ...process.env, ...env }, stdio: quiet ? 'pipe' : 'inherit', encoding: 'utf8', maxBuffer: 64 << 20 };
  const { status, error, stdout, stderr } = spawnSync(command, args, options);
  if (status === 0) return;
  if (quiet) console.error(`${stdout}${stderr}`);
  fail(`${command} ${args[0]} ended with ${error?.message ?? `code ${status}`}`);
}

function fail(message, code = 1) {
  console.error(`image: ${message}`);
  process.exit(code);
}

function options() {
  const string = { type: 'string' };
  const known = { tag: string, archive: string, engine: string, 'build-image': string, 'base-image': string };
  const flags = { help: { type: 'boolean', short: 'h' }, quiet: { type: 'boolean', short: 'q' } };
  try {
    return parseArgs({ options: { ...known, ...flags } }).values;
  } catch (error) {
    return fail(`${error.message}\n\n${USAGE}`, 2);
  }
}

const given = options();
if (given.help) {
  console.log(USAGE);
  process.exit(0);
}
const { tag = 'yak:dev', quiet = false } = given;
const baseImage = given['base-image'] ?? defaultOf('BASE_IMAGE');
const buildImage = given['build-image'] ?? defaultOf('BUILD_IMAGE');
if (given.engine && !ENGINES.some(({ name }) => name === given.engine)) fail(`unknown engine ${given.engine}\n\n${USAGE}`, 2);

const { engine, probe, passedOver } = chooseEngine(run, { engine: given.engine, baseImage, buildImage });
for (const reason of passedOver) console.error(`image: not with ${reason}`);
if (!engine) fail('no engine works here. Start docker, or install podman or buildah (Debian: apt-get install buildah)');

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const revision = run('git', ['-C', ROOT, 'describe', '--always', '--dirty', '--exclude', '*']).stdout.trim() || 'unknown';
console.error(`image: building ${tag} with ${engine.name}${probe.flags?.includes('--pull-never') ? ', from local images only' : ''}`);
const args = { BASE_IMAGE: baseImage, BUILD_IMAGE: buildImage, VERSION: version, REVISION: revision };
const before = engine.idOf?.(run, tag, probe);
const began = process.hrtime.bigint();
show(engine.build({ tag, args, root: ROOT, probe }), quiet);
if (before && before !== engine.idOf(run, tag, probe)) engine.forget(run, before, probe);
const seconds = Number((process.hrtime.bigint() - began) / 1_000_000_000n);
console.error(`image: ${tag} built in ${seconds} s, ${engine.size(run, tag, probe) ?? 'unknown size'} unpacked`);

if (given.archive) {
  const file = resolve(given.archive);
  // Beside and then renamed: engines refuse to write over a file, and half an archive must not look like one.
  rmSync(`${file}.part`, { force: true });
  show(engine.save({ tag, file: `${file}.part`, probe }), true);
  renameSync(`${file}.part`, file);
  console.error(`image: ${given.archive}: ${(statSync(file).size / 1_000_000).toFixed(1)} MB compressed`);
}
