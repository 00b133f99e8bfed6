/**
 * One process per name on this machine (R11). On Linux an abstract unix socket: the kernel frees it with the process, kill -9
 * included, and a second bind fails; it is local to a network namespace. Elsewhere a file with the holder's pid in the
 * temporary folder, which a later process may take over once that pid is gone.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeErrorCode, wrapNodeError } from './node-error.js';

export interface ProcessLock {
  release(): Promise<void>;
}

/** sun_path holds 108 bytes; the NUL and the prefix take five. */
const LONGEST_NAME = 100;

export function acquireProcessLock(name: string): Promise<ProcessLock | null> {
  const short = name.length <= LONGEST_NAME ? name : createHash('sha256').update(name).digest('hex');
  return process.platform === 'linux' ? bindAbstractSocket(short) : acquirePidFile(short);
}

function bindAbstractSocket(name: string): Promise<ProcessLock | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => {
      if (nodeErrorCode(error) === 'EADDRINUSE') resolve(null);
      else reject(wrapNodeError(error, `cannot take the lock "${name}"`));
    });
    server.listen({ path: `\0yak-${name}` }, () => {
      server.unref();
      resolve({ release: () => new Promise((released) => server.close(() => released())) });
    });
  });
}

export async function acquirePidFile(name: string): Promise<ProcessLock | null> {
  const path = join(tmpdir(), `yak-${name.replaceAll(/[^\w.-]/g, '_')}.lock`);
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      fs.writeFileSync(path, String(process.pid), { flag: 'wx' });
      return { release: async () => fs.rmSync(path, { force: true }) };
    } catch (error) {
      if (nodeErrorCode(error) !== 'EEXIST') throw wrapNodeError(error, `cannot take the lock ${path}`);
      if (isAlive(readPid(path))) return null;
      fs.rmSync(path, { force: true });
    }
  }
  return null;
}

function readPid(path: string): number | null {
  try {
    const pid = Number(fs.readFileSync(path, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number | null): boolean {
  if (pid === null) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return nodeErrorCode(error) === 'EPERM';
  }
}
