/**
 * What can be known to fail before a process is started: a data folder that cannot be written or that another `yak up`
 * holds, and ports that are taken. Each becomes one sentence that says what to do. (The processes check again by
 * themselves: they may be started by hand, and a port may go in between.)
 */
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { YakError } from '#kernel';
import { type Disk, formatAddress } from '#seams';
import type { ClusterPlan, PlannedPort } from './cluster-plan.js';

/** Creates the folder and takes it for this supervisor. Throws YakError DATA_FOLDER. The lock goes with the process. */
export async function claimDataFolder(data: string, disk: Pick<Disk, 'lock'>): Promise<void> {
  let identity: string;
  try {
    makeFolder(data);
    fs.accessSync(data, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
    const probe = `${data}/.write-check-${process.pid}`;
    fs.writeFileSync(probe, '');
    fs.rmSync(probe);
    const status = fs.statSync(data);
    identity = `up-${status.dev}-${status.ino}`;
  } catch (error) {
    throw new YakError('DATA_FOLDER', `data folder ${data} cannot be used: ${plainReason(error)}; choose another with --data`);
  }
  if ((await disk.lock(identity)) === null) {
    throw new YakError('DATA_FOLDER', `data folder ${data} is in use by a running cluster; stop it first, or choose another with --data`);
  }
}

/** mkdir -p. Not Node's own: that one never returns on file systems that answer ENOENT below an existing folder, as /proc does. */
function makeFolder(path: string): void {
  const found = fs.statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (found !== undefined) throw Object.assign(new Error(`${path} is not a folder`), { code: 'ENOTDIR' });
  makeFolder(dirname(path));
  try {
    fs.mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Throws YakError PORT_IN_USE or CANNOT_LISTEN for the first port that cannot be had. */
export async function checkPorts(plan: ClusterPlan): Promise<void> {
  const planned = plan.processes.flatMap((one) => one.ports);
  const problems = await Promise.all(planned.map((one) => portProblem(plan.host, one)));
  const first = problems.find((one) => one !== null);
  if (first) throw first;
}

function portProblem(host: string, planned: PlannedPort): Promise<YakError | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(describe(error, host, planned)));
    server.listen({ host, port: planned.port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

function describe(error: NodeJS.ErrnoException, host: string, planned: PlannedPort): YakError {
  const where = formatAddress({ host, port: planned.port });
  switch (error.code) {
    case 'EADDRINUSE':
      return new YakError(
        'PORT_IN_USE',
        `${where} is already in use; ${planned.purpose} needs it. Is YaK running already? ${planned.flag} moves it`,
      );
    case 'EACCES':
      return new YakError('CANNOT_LISTEN', `${where} needs rights that this user does not have; ${planned.flag} moves it`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new YakError('CANNOT_LISTEN', `${host} is not an address of this machine; change --host`);
    default:
      return new YakError('CANNOT_LISTEN', `cannot listen on ${where} for ${planned.purpose}: ${error.message}`);
  }
}

function plainReason(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EACCES':
    case 'EPERM':
      return 'this user may not write there';
    case 'ENOENT':
      return 'this file system does not let folders be made there';
    case 'EROFS':
      return 'the file system is read-only';
    case 'EEXIST':
    case 'ENOTDIR':
      return 'it is not a folder';
    case 'ENOSPC':
      return 'there is no space left';
    default:
      return (error as Error).message;
  }
}
