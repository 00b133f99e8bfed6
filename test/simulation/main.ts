/**
 * The command: `npm run sim -- --seed N` replays one seed and says how it went; `--seeds FROM..TO` runs many on two worker
 * processes and prints totals. Exit code 1 when a seed fails, when the same seed gives two traces, or when over many seeds
 * some kind of event never came up (then the run proved less than it claims).
 */
import { execFileSync, fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { formatTraceLine } from '#seams-sim';
import { printFailure, printTotals } from './report.js';
import { runSeed, type SeedResult } from './run-seed.js';
import { drawOptions } from './swarm-options.js';
import { Tally } from './tally.js';

const USAGE = `Usage: npm run sim -- [options]
  --seed N           run one seed
  --seeds FROM..TO   run many (both inclusive; default 1..1000)
  --only KIND        with --seeds: those with an "embedded" or a "shared" metadata store
  --twice            run every seed twice and compare the traces
  --workers N        worker processes for --seeds (default 2)
  --tail N           lines of the trace to print for a failure (default 60)
  --verbose          print every line of the trace (with --seed)
  --keep-going       with --seeds: go on after a failed seed
  --json             print one JSON line at the end instead of text`;

/** A worker takes seeds in slices, so that slow ones spread out. */
const SEEDS_PER_SLICE = 5;

interface Options {
  readonly only: StoreKind | null;
  readonly isTwice: boolean;
  readonly tailLines: number;
}

type StoreKind = 'embedded' | 'shared';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      only: { type: 'string' },
      twice: { type: 'boolean', default: false },
      workers: { type: 'string', default: '2' },
      tail: { type: 'string', default: '60' },
      verbose: { type: 'boolean', default: false },
      'keep-going': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const options = { only: storeKind(values.only), isTwice: values.twice, tailLines: wholeNumber('--tail', values.tail) };
  if (values.seed !== undefined) return runOne(wholeNumber('--seed', values.seed), options, values.verbose);
  const range = /^(\d+)\.\.(\d+)$/.exec(values.seeds ?? '1..1000');
  if (!range) throw new UsageError(`--seeds "${values.seeds}" is not FROM..TO, for example 1..1000`);
  return runMany(Number(range[1]), Number(range[2]), options, {
    workers: wholeNumber('--workers', values.workers),
    keepGoing: values['keep-going'],
    isJson: values.json,
  });
}

// ---- one seed ----

async function runOne(seed: number, options: Options, isVerbose: boolean): Promise<number> {
  const startedMs = performance.now();
  const result = await runChecked(seed, options, isVerbose);
  if (result.failure) {
    printFailure(result, commitHash());
    return 1;
  }
  const tally = new Tally();
  tally.add(result);
  printTotals(tally, performance.now() - startedMs);
  console.log(`trace ${result.traceHash}`);
  return 0;
}

async function runChecked(seed: number, options: Options, isVerbose = false): Promise<SeedResult> {
  const onLine = isVerbose ? (line: Parameters<typeof formatTraceLine>[0]) => console.log(formatTraceLine(line)) : undefined;
  const result = await runSeed(seed, { tailLines: options.tailLines, ...(onLine && { onLine }) });
  if (!options.isTwice || result.failure) return result;
  const again = await runSeed(seed, { tailLines: options.tailLines });
  if (again.traceHash === result.traceHash) return result;
  const message = `determinism: the first run's trace is ${result.traceHash}, the second's ${again.traceHash}`;
  return { ...again, failure: { message, options: drawOptions(seed), trace: [] } };
}

// ---- many seeds ----

async function runMany(
  from: number,
  to: number,
  options: Options,
  how: { workers: number; keepGoing: boolean; isJson: boolean },
): Promise<number> {
  const startedMs = performance.now();
  const tally = new Tally();
  let next = from;
  let isStopping = false;
  const work = () =>
    new Promise<void>((resolve, reject) => {
      const worker = fork(process.argv[1]!, ['--worker', JSON.stringify(options)], { execArgv: process.execArgv });
      const hand = () => {
        if (next > to || isStopping) {
          worker.disconnect();
          return;
        }
        const last = Math.min(to, next + SEEDS_PER_SLICE - 1);
        worker.send({ from: next, to: last });
        next = last + 1;
      };
      worker.on('message', (message: SeedResult | 'slice done') => {
        if (message === 'slice done') {
          hand();
          return;
        }
        tally.add(message);
        if (message.failure && !how.isJson) printFailure(message, commitHash());
        if (message.failure && !how.keepGoing) isStopping = true;
      });
      worker.on('exit', (code, signal) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${signal ?? code}`))));
      hand();
    });
  await Promise.all(Array.from({ length: how.workers }, work));
  const missing = tally.failures.length === 0 && options.only === null && to - from >= 99 ? tally.missing() : [];
  if (how.isJson) {
    console.log(JSON.stringify({ seeds: tally.seeds, failed: tally.failures, totals: tally.totals, missing }));
  } else {
    printTotals(tally, performance.now() - startedMs);
    for (const name of missing) console.log(`FAILED: no ${name} in ${tally.seeds} seeds: the run proves less than it should`);
  }
  return tally.failures.length > 0 || missing.length > 0 ? 1 : 0;
}

function serveAsWorker(options: Options): void {
  process.on('message', async ({ from, to }: { from: number; to: number }) => {
    for (let seed = from; seed <= to; seed++) if (isWanted(seed, options)) process.send!(await runChecked(seed, options));
    process.send!('slice done');
  });
  process.on('disconnect', () => process.exit(0));
}

// ---- small things ----

class UsageError extends Error {}

function storeKind(text: string | undefined): StoreKind | null {
  if (text === undefined || text === 'embedded' || text === 'shared') return text ?? null;
  throw new UsageError(`--only "${text}" is neither embedded nor shared`);
}

function isWanted(seed: number, { only }: Options): boolean {
  return only === null || only === (drawOptions(seed).store === null ? 'embedded' : 'shared');
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`${name} "${text}" is not a whole number`);
  return Number(text);
}

function commitHash(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
}

if (process.argv[2] === '--worker') {
  serveAsWorker(JSON.parse(process.argv[3]!) as Options);
} else {
  main().then(
    (code) => {
      process.exitCode = code;
    },
    (error) => {
      console.error(error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS') ? `${error.message}\n${USAGE}` : error);
      process.exitCode = 1;
    },
  );
}
