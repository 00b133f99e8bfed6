// A real redis-server on a free port.
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWithRedis, RedisServer } from '../../../../libs/metadata-redis/src/testing/redis-server.js';
import { checkMetadataStore } from './store-check.js';

describeWithRedis('checkMetadataStore', () => {
  it('tells once of a Redis that may forget what it acknowledged, and refuses one that throws away', async () => {
    const server = await RedisServer.create();
    const data = fs.mkdtempSync(join(tmpdir(), 'yak-up-'));
    const check = async (): Promise<string[]> => {
      const warnings: string[] = [];
      await checkMetadataStore({ url: server.url, name: 'yak', password: null }, data, (text) => warnings.push(text));
      return warnings;
    };
    try {
      expect(await check()).toEqual([]);
      await server.kill();
      await server.start('--appendonly', 'no');
      expect(await check()).toEqual([expect.stringMatching(/^redis 127.0.0.1:\d+: appendonly is off: a crash loses metadata/)]);
      await server.kill();
      await server.start('--maxmemory-policy', 'allkeys-lru');
      await expect(check()).rejects.toThrow('cannot hold the metadata: its maxmemory-policy is allkeys-lru');
    } finally {
      await server.stop();
      fs.rmSync(data, { recursive: true });
    }
  });
});
