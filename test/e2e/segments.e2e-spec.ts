/**
 * Kafka's own DumpLogSegments reads what we wrote, and finds nothing to complain about: segments, offset and time indexes,
 * producer snapshots, after rolls, a killed broker and a clean stop.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run, yak } from './support/commands.js';
import { hasKafkaTools, KAFKA_TOOLS } from './support/foreign-tools.js';
import { LocalCluster } from './support/local-cluster.js';
import { writeRealText } from './support/text.js';

it("Kafka's dump-log reports no error in our segments and indexes", async () => {
  if (!(await hasKafkaTools())) return;
  const cluster = await LocalCluster.start({ args: ['--set', 'log.segment.bytes=262144', '--set', 'log.index.interval.bytes=1024'] });
  try {
    const bootstrap = cluster.bootstrap.join(',');
    const text = join(cluster.folder, 'text');
    writeRealText(text, 60_000);
    await yak(['topic', 'create', 'dumped', '--partitions', '2', '--bootstrap', bootstrap]);
    for (const compression of ['none', 'gzip']) {
      const producing = yak([
        'produce',
        'dumped',
        '--file',
        text,
        '--compression',
        compression,
        '--batch-bytes',
        '8192',
        '--bootstrap',
        bootstrap,
      ]);
      const { leader } = await cluster.leaderOf('dumped', 0);
      const pid = cluster.kill('broker', leader);
      await producing;
      await cluster.restarted('broker', leader, pid);
    }
    expect(await cluster.stop()).toBe(0);

    let segments = 0;
    for (const id of [0, 1, 2]) {
      for (const partition of [0, 1]) {
        const folder = join(cluster.data, `broker-${id}`, `dumped-${partition}`);
        const files = readdirSync(folder).filter((name) => /\.(log|index|timeindex|snapshot)$/.test(name));
        segments += files.filter((name) => name.endsWith('.log')).length;
        const { stdout, stderr } = await run(KAFKA_TOOLS, [
          'dump-log',
          '--deep-iteration',
          '--files',
          files.map((name) => join(folder, name)).join(','),
        ]);
        const complaints = `${stdout}\n${stderr}`
          .split('\n')
          // "-1 is followed by N" is how the tool greets the first record of any segment that does not begin at 0.
          .filter((line) => !/^Non-consecutive offsets in|^\s+-1 is followed by/.test(line))
          .filter((line) =>
            /is followed by|mismatch|out of order|invalid|exception|not found|isvalid: false|corrupt|larger than/i.test(line),
          )
          .filter((line) => !/payload:/.test(line));
        expect(complaints).toEqual([]);
        expect(stdout).toMatch(/baseOffset: 0 /);
      }
    }
    expect(segments).toBeGreaterThan(12);
    console.log(`dump-log read ${segments} segments with their indexes`);
  } finally {
    await cluster.destroy();
  }
}, 240_000);
