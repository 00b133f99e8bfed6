// Which engine builds the image, by what the programs answer; and what counts as a change of it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// @ts-expect-error plain JavaScript, so that it runs before anything is built
import { chooseEngine, fullName } from './image/engines.mjs';
// @ts-expect-error plain JavaScript, so that it runs before anything is built
import { contextFiles, fingerprint } from './image/fingerprint.mjs';

const IMAGES = { baseImage: 'base:1', buildImage: 'build:1' };
const missing = { code: 127, stdout: '', stderr: 'not installed' };
const ok = { code: 0, stdout: 'ok', stderr: '' };
type Machine = Record<string, (args: string[], env: Record<string, string>) => typeof ok>;

function on(machine: Machine, engine?: string): { name: string | undefined; flags: unknown; passedOver: string[] } {
  const run = (command: string, args: string[], env = {}) => machine[command]?.(args, env) ?? missing;
  const choice = chooseEngine(run, { ...IMAGES, engine });
  return { name: choice.engine?.name, flags: choice.probe?.flags, passedOver: choice.passedOver };
}

const noEngine = { code: 1, stdout: 'Client: 28', stderr: 'warning\nCannot connect to the Docker daemon' };
const buildahWith = (images: string[]): Machine => ({
  buildah: ([verb, ...args], env) => (verb !== 'inspect' || (env['STORAGE_DRIVER'] === 'vfs' && images.includes(args.at(-1)!)) ? ok : missing),
});

describe('chooseEngine', () => {
  it('takes docker where its engine answers', () => {
    expect(on({ docker: () => ok, podman: () => ok })).toEqual({ name: 'docker', flags: undefined, passedOver: [] });
  });

  it('passes over a docker client without an engine, with the reason in its last words', () => {
    expect(on({ docker: () => noEngine, podman: () => ok })).toMatchObject({
      name: 'podman',
      passedOver: ['docker: Cannot connect to the Docker daemon'],
    });
  });

  it('asks no registry when buildah has both images', () => {
    expect(on(buildahWith(['base:1', 'build:1']))).toMatchObject({ name: 'buildah', flags: expect.arrayContaining(['--pull-never']) });
  });

  it('lets buildah fetch what it lacks', () => {
    expect(on(buildahWith(['base:1']))).toMatchObject({ name: 'buildah', flags: expect.not.arrayContaining(['--pull-never']) });
  });

  it('tries only the one that was asked for', () => {
    expect(on({ docker: () => ok }, 'podman')).toEqual({ name: undefined, flags: undefined, passedOver: ['podman: not installed'] });
  });

  it('says of each why there is none', () => {
    expect(on({ docker: () => noEngine }).passedOver).toEqual([
      'docker: Cannot connect to the Docker daemon',
      'podman: not installed',
      'buildah: not installed',
    ]);
  });
});

it.each([
  ['yak:dev', 'docker.io/library/yak:dev'],
  ['yak', 'docker.io/library/yak:latest'],
  ['team/yak:1', 'docker.io/team/yak:1'],
  ['localhost/yak:1', 'localhost/yak:1'],
  ['registry.example:5000/yak', 'registry.example:5000/yak:latest'],
])('%s is %s to Kubernetes', (tag, full) => {
  expect(fullName(tag)).toBe(full);
});

describe('fingerprint', () => {
  let root: string;
  const write = (file: string, text: string) => writeFileSync(join(root, file), text);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'yak-fingerprint-'));
    mkdirSync(join(root, 'libs/a/src/testing'), { recursive: true });
    write('.dockerignore', '# what goes in\n*\n!package.json\n!libs\n!gone.json\n**/*.spec.ts\n');
    for (const file of ['Dockerfile', 'package.json', 'notes.md', 'libs/a/src/a.ts', 'libs/a/src/a.spec.ts', 'libs/a/src/testing/b.ts']) write(file, file);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('is made of what .dockerignore lets through', () => {
    expect(contextFiles(root)).toEqual(['libs/a/src/a.ts', 'package.json']);
  });

  it.each([
    ['libs/a/src/a.ts', true],
    ['package.json', true],
    ['Dockerfile', true],
    ['notes.md', false],
    ['libs/a/src/a.spec.ts', false],
  ])('a change of %s changes it: %s', (file, isChange) => {
    const before = fingerprint(root);
    write(file, 'changed');
    expect(fingerprint(root) !== before).toBe(isChange);
  });
});
