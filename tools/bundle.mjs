#!/usr/bin/env node
// Bundles each built app (dist/apps/<name>/src/main.js) into one file, dist/bin/<name>.cjs: half the start-up time, and an image is
// Node plus one file and the native modules. Apps that are not built are skipped. Not minified: start-up and memory come out
// the same, and stack traces stay readable.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { NATIVE } from './native-modules.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const APPS = ['cli', 'broker', 'coordinator', 'producer', 'consumer'];

/** Optional parts of Nest and its libraries: asked for inside a try, never used by us. */
const NOT_USED = [
  '@nestjs/websockets',
  '@nestjs/websockets/*',
  '@nestjs/platform-express',
  '@nestjs/platform-socket.io',
  '@grpc/*',
  '@fastify/static',
  '@fastify/view',
  'kafkajs',
  'mqtt',
  'nats',
  '@nats-io/*',
  'amqplib',
  'amqp-connection-manager',
  'cache-manager',
  'file-type',
  'load-esm',
  'pino-pretty',
];

/** Coordinators share a Redis, and `yak up` looks at it first. Loaded where it is used: without Redis it costs its text only. */
const WITH_REDIS = new Set(['cli', 'coordinator']);

const packageJson = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

// What a lib's index re-exports and the app does not use is left out with everything it imports (the command line needs no
// logger). True for our own files only: their modules do nothing when loaded but define.
const ownFilesAreFreeOfSideEffects = {
  name: 'own-files-are-free-of-side-effects',
  setup(builder) {
    builder.onResolve({ filter: /^#[\w-]+$/ }, ({ path }) => {
      const target = packageJson.imports[path];
      if (target === undefined) return { errors: [{ text: `${path} is not in the imports map of package.json` }] };
      return { path: join(ROOT, target), sideEffects: false };
    });
    builder.onResolve({ filter: /^\.{1,2}\// }, ({ path, importer, resolveDir }) => {
      if (!importer.startsWith(join(ROOT, 'dist', 'libs'))) return undefined;
      return { path: join(resolveDir, path), sideEffects: false };
    });
  },
};

// class-validator brings half a megabyte of phone number tables that are built at every start (5 MiB resident); no message of ours
// has a phone number.
const noPhoneNumbers = {
  name: 'no-phone-numbers',
  setup(builder) {
    builder.onResolve({ filter: /^libphonenumber-js/ }, () => ({ path: 'phone-numbers', namespace: 'left-out' }));
    builder.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({
      contents: "exports.parsePhoneNumberFromString = () => { throw new Error('phone numbers are not bundled (tools/bundle.mjs)'); };",
      loader: 'js',
    }));
  },
};

// A start spends a third of its time compiling the bundle. V8 can take up what it compiled in an earlier run; Node has that built
// in from 22.8 (module.enableCompileCache), for 20 it is these lines. A cache of another Node version is ignored by V8 itself.
// What runs this way cannot import() at run time; the bundles have no need to.
function loader(name) {
  return `'use strict';
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const Module = require('node:module');
const file = path.join(__dirname, '${name}.bundle.cjs');
const cache = path.join(__dirname, \`${name}.\${process.version}.cache\`);
const cachedData = fs.existsSync(cache) ? fs.readFileSync(cache) : undefined;
const script = new vm.Script(Module.wrap(fs.readFileSync(file, 'utf8')), { filename: file, cachedData });
const main = new Module(file, null);
main.filename = file;
main.paths = Module._nodeModulePaths(__dirname);
script.runInThisContext().call(main.exports, main.exports, Module.createRequire(file), main, file, __dirname);
if (process.env.YAK_WRITE_CODE_CACHE) process.on('exit', () => fs.writeFileSync(cache, script.createCachedData()));
`;
}

/** Runs the app once for its help, which loads everything, and lets it leave its code cache. */
function warmUp(name) {
  const env = { ...process.env, YAK_WRITE_CODE_CACHE: '1' };
  spawnSync(process.execPath, [join(ROOT, 'dist/bin', `${name}.cjs`), '--help'], { env, stdio: 'ignore' });
}

const entries = APPS.filter((name) => existsSync(join(ROOT, 'dist/apps', name, 'src/main.js')));
const skipped = APPS.filter((name) => !entries.includes(name));
rmSync(join(ROOT, 'dist/bin'), { recursive: true, force: true });
mkdirSync(join(ROOT, 'dist/bin'));

const options = {
  absWorkingDir: ROOT,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  keepNames: true,
  logLevel: 'warning',
  // CommonJS has no import.meta; this is what it would say.
  define: { 'import.meta.url': '__importMetaUrl', __YAK_VERSION__: JSON.stringify(packageJson.version) },
  banner: { js: "const __importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  external: [...NOT_USED, ...NATIVE],
  plugins: [ownFilesAreFreeOfSideEffects, noPhoneNumbers],
};

// One by one, so that an app that does not build leaves the others whole; esbuild has printed why.
const results = await Promise.allSettled(
  entries.map(async (name) => {
    const external = WITH_REDIS.has(name) ? options.external : [...options.external, 'ioredis'];
    await build({ ...options, external, entryPoints: [`dist/apps/${name}/src/main.js`], outfile: `dist/bin/${name}.bundle.cjs` });
    writeFileSync(join(ROOT, 'dist/bin', `${name}.cjs`), loader(name));
    warmUp(name);
  }),
);
const failed = entries.filter((_, index) => results[index].status === 'rejected');
if (failed.length > 0) {
  console.error(`bundle: failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}

if (skipped.length > 0) console.error(`bundle: not built, so left out: ${skipped.join(', ')}`);
