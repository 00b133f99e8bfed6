/** Apache Kafka's own command-line tools, each run of one as a process that a test reads. */
import { KAFKA_TOOLS } from '../../e2e/support/foreign-tools.js';
import { type ClientOptions, ClientProcess } from './client-process.js';

/** One compiler is enough for a JVM that lives for a second: half the time of a start. */
const ENV = { JDK_JAVA_OPTIONS: '-XX:TieredStopAtLevel=1' };

export class KafkaTools {
  constructor(private readonly bootstrap: string) {}

  /** Started; the address of the cluster is added. */
  start(tool: string, args: readonly string[], options: ClientOptions = {}): ClientProcess {
    const address = ['--bootstrap-server', this.bootstrap];
    // `cluster` takes it as an option of its subcommands.
    const all = tool === 'cluster' ? [...args, ...address] : [...address, ...args];
    return new ClientProcess(tool, KAFKA_TOOLS, [tool, ...all], { env: ENV, ...options });
  }

  /** What it printed; rejects when it does not end with 0. */
  async run(tool: string, args: readonly string[], options: ClientOptions = {}): Promise<string> {
    return (await this.start(tool, args, options).succeeded()).output;
  }

  /** Both outputs of one that is expected to end with an error or to print one (some of the tools end with 0 then). */
  async complaint(tool: string, args: readonly string[], options: ClientOptions = {}): Promise<string> {
    const client = this.start(tool, args, options);
    await client.done;
    return `${client.output}\n${client.errors}`;
  }
}

/** Rows of a table that a tool printed, as objects by the words of its header line; the header is the line with `column` in it. */
export function tableRows(output: string, column: string): Record<string, string>[] {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const at = lines.findIndex((line) => line.split(/\s{2,}|\s+/).includes(column));
  if (at < 0) throw new Error(`no table with ${column} in:\n${output}`);
  const columns = lines[at]!.trim().split(/\s+/);
  return lines.slice(at + 1).map((line) => {
    const cells = line.trim().split(/\s+/);
    return Object.fromEntries(columns.map((name, n) => [name, cells[n] ?? '']));
  });
}
