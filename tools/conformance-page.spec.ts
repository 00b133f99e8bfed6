/** The page of conformance names tests as its evidence: each has to exist, by file and by a part of its title. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const page = readFileSync(join(ROOT, 'docs', 'conformance.md'), 'utf8');

/** Rows of the tables of tests: numbers, file, part of a title. */
const rows = [...page.matchAll(/^\| ([\d, ]+) \| `(test\/[\w/.-]+)`: (.+) \|$/gm)].map(([, numbers, file, title]) => ({
  numbers: numbers!.split(',').map(Number),
  file: file!,
  title: title!,
}));

it.each(rows.map(({ file, title }) => [file, title]))('%s has a test "%s"', (file, title) => {
  expect(existsSync(join(ROOT, file))).toBe(true);
  const source = readFileSync(join(ROOT, file), 'utf8');
  const titles = [...source.matchAll(/^(?:it\(|it\.each[\s\S]*?\]\)\()\s*(['"`])((?:\\.|(?!\1).)*)\1/gm)].map((match) => match[2]!);
  expect(titles.filter((one) => one.includes(title))).toHaveLength(1);
});

it('every number of the table of features has its test, and every test is used', () => {
  const used = new Set([...page.matchAll(/\[(\d+)\]/g)].map(([, number]) => Number(number)));
  const defined = rows.flatMap(({ numbers }) => numbers);
  expect([...used].sort((a, b) => a - b)).toEqual([...new Set(defined)].sort((a, b) => a - b));
  expect(new Set(defined).size).toBe(defined.length);
});

it('every spec of test/compat is on the page', () => {
  const specs = readdirSync(join(ROOT, 'test', 'compat')).filter((name) => name.endsWith('.e2e-spec.ts'));
  expect(specs.filter((name) => !page.includes(`\`test/compat/${name}\``))).toEqual([]);
});

it('what a tool says is what its test expects', () => {
  const refusals = readFileSync(join(ROOT, 'test', 'compat', 'refused.e2e-spec.ts'), 'utf8');
  const apis = [...page.matchAll(/does not support ([A-Z_]+)/g)].map(([, api]) => api!);
  expect(apis.length).toBeGreaterThan(5);
  expect(apis.filter((api) => !refusals.includes(`does not support ${api}`))).toEqual([]);
});
