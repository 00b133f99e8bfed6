import { readFileSync, writeFileSync } from 'node:fs';
import { type KnownApi, renderProtocolSupport } from './protocol-support.js';

const root = new URL('../../../../../', import.meta.url);

it('docs/protocol-support.md says what the code serves', () => {
  const facts = JSON.parse(readFileSync(new URL('test/fixtures/wire/apis.json', root), 'utf8')) as { kafka: string; apis: KnownApi[] };
  const page = renderProtocolSupport(facts.kafka, facts.apis);
  const path = new URL('docs/protocol-support.md', root);
  if (process.env['UPDATE_DOCS']) writeFileSync(path, page);
  expect(readFileSync(path, 'utf8')).toBe(page);
});
