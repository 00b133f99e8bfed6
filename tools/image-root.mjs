#!/usr/bin/env node
/**
 * `node tools/image-root.mjs FOLDER`: lays out what an image runs, from a finished build: the bundles that the `yak` command loads
 * (not the two client apps on their own: `yak produce` and `yak consume` are part of cli.cjs) and the native modules of this
 * platform. Run it with the node that the image will have: it then starts every bundle once, which both shows that nothing
 * is missing and leaves V8's code cache of that very version behind.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NATIVE } from './native-modules.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const BUNDLES = ['cli', 'broker', 'coordinator'];
/** Of a package in node_modules only these run. */
const RUNS = /(?:^|\/)package\.json$|\.(?:js|cjs|mjs|node)$|\/LICENSE$/;
const NEVER = /\/(?:browser|browser-entry)\.js$/;

const [, , out] = process.argv;
if (out === undefined) {
  console.error('image-root: name the folder to write, for example: node tools/image-root.mjs /out');
  process.exit(2);
}

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, 'dist/bin'), { recursive: true });
cpSync(join(ROOT, 'package.json'), join(out, 'package.json'));
for (const name of BUNDLES) {
  for (const file of [`${name}.cjs`, `${name}.bundle.cjs`]) cpSync(join(ROOT, 'dist/bin', file), join(out, 'dist/bin', file));
}
for (const name of NATIVE) copyPackage(name);
for (const name of NATIVE) createRequire(join(out, 'dist/bin/cli.cjs'))(name);
for (const name of BUNDLES) warmUp(name);

/** A native module is a package of JavaScript and, as an optional dependency, one package of binaries per platform; npm installed ours. */
function copyPackage(name) {
  const from = join(ROOT, 'node_modules', name);
  const { optionalDependencies = {}, dependencies = {} } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
  if (Object.keys(dependencies).length > 0) fail(`${name} has dependencies by now; copy them in tools/image-root.mjs as well`);
  const binaries = Object.keys(optionalDependencies).filter((other) => isInstalled(other));
  if (binaries.length === 0) fail(`no binaries of ${name} for ${process.platform} ${process.arch} are installed: run npm ci here first`);
  for (const folder of [name, ...binaries]) {
    for (const file of readdirSync(join(ROOT, 'node_modules', folder), { recursive: true })) {
      const path = `/${file}`;
      if (!RUNS.test(path) || NEVER.test(path)) continue;
      cpSync(join(ROOT, 'node_modules', folder, file), join(out, 'node_modules', folder, file));
    }
  }
}

function isInstalled(name) {
  try {
    return readdirSync(join(ROOT, 'node_modules', name)).some((file) => file.endsWith('.node'));
  } catch {
    return false;
  }
}

function warmUp(name) {
  const env = { ...process.env, YAK_WRITE_CODE_CACHE: '1' };
  const { status, stderr } = spawnSync(process.execPath, [join(out, 'dist/bin', `${name}.cjs`), '--help'], { env, encoding: 'utf8' });
  if (status !== 0) fail(`${name}.cjs does not start in the image's folder:\n${stderr}`);
}

function fail(message) {
  console.error(`image-root: ${message}`);
  process.exit(1);
}
