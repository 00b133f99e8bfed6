// Every house rule must be able to fail: one broken file per rule, and a clean one that passes.
// @ts-expect-error plain JavaScript, so that it runs before anything is built
import { checkFiles, LIB_DEPENDENCIES } from './tidy.mjs';

const lib = (name: string, file: string, text: string): [string, string][] => [
  [`libs/${name}/README.md`, '# x'],
  [`libs/${name}/src/index.ts`, ''],
  [`libs/${name}/src/${file}`, text],
];
const check = (...files: [string, string][]): string[] => checkFiles(new Map(files));

it('passes a lib that keeps to the rules', () => {
  expect(check(...lib('log', 'segment.ts', "import { assert } from '#kernel';\n// setTimeout( in a comment\n/** new Date() */\n"))).toEqual([]);
});

it.each([
  ['the clock', lib('log', 'a.ts', 'const at = Date.now();'), 'libs/log/src/a.ts:1: uses the clock directly'],
  ['a timer', lib('log', 'a.ts', '\nsetTimeout(go, 1);'), 'libs/log/src/a.ts:2: uses a timer'],
  ['the machine', lib('log', 'a.ts', "import * as fs from 'node:fs';"), 'uses the machine'],
  ['a dependency against the arrow', lib('wire', 'a.ts', "import { Broker } from '#broker-core';"), 'must not import #broker-core: wire and broker-core meet'],
  ['a deep import', lib('rpc', 'a.ts', "import { x } from '#kernel/errors.js';"), 'through its index.ts only'],
  ['a way around it', lib('rpc', 'a.ts', "import { x } from '../../kernel/src/errors.js';"), 'reaches into libs/kernel by path'],
  ['Nest in a lib', lib('client', 'a.ts', "import { Injectable } from '@nestjs/common';"), 'Nest is the shell'],
  ['Redis outside its adapter', lib('client', 'a.ts', "import { Redis } from 'ioredis';"), 'libs/metadata-redis only'],
  ['a missing page of a lib', [['libs/log/src/index.ts', '']], 'libs/log: has no README.md'],
  ['an unknown lib', lib('misc', 'a.ts', ''), 'libs/misc: has no row in LIB_DEPENDENCIES'],
  ['an app in another app', [['apps/cli/src/a.ts', "import { x } from '../../broker/src/main.js';"]], 'reaches into apps/broker'],
  ['a long file', [['apps/cli/src/a.ts', '\n'.repeat(500)]], '501 lines, at most'],
  ['unfinished work', [['apps/cli/src/a.ts', `// ${'TO'}${'DO'} later`]], 'marked as unfinished'],
  ['a dead link', [[`${'docs/'}a.md`, 'see [b](./b.md#x)']], `${'docs/'}a.md:1: links to ./b.md#x`],
  ['a dead mention', [['apps/cli/src/a.ts', `/** ${'docs/'}gone.md has the table */`]], 'which does not exist'],
] as [string, [string, string][], string][])('finds %s', (_name, files, expected) => {
  expect(check(...files)).toEqual([expect.stringContaining(expected)]);
});

it('has a dependency table without cycles', () => {
  const reaches = (from: string, seen: readonly string[]): void => {
    expect(seen).not.toContain(from);
    for (const next of LIB_DEPENDENCIES[from].may) reaches(next, [...seen, from]);
  };
  for (const name of Object.keys(LIB_DEPENDENCIES)) reaches(name, []);
});
