/**
 * A real child process for the supervisor: Node running one of our bundles, with an IPC channel, its output in a rotated log file, and
 * a process group of its own, so that Ctrl-C in the terminal reaches the supervisor only and the order of a stop is ours.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ProcessMessage } from '#config';
import { binFolder } from '../bin-folder.js';
import type { ProcessPlan } from './cluster-plan.js';
import { RotatingLog } from './rotating-log.js';
import type { ProcessListener, SupervisedProcess, SupervisorSeams } from './supervisor.js';

export function nodeProcessStarter(logs: string): SupervisorSeams['start'] {
  const logByName = new Map<string, RotatingLog>();
  return (plan, listener) => {
    const log = logByName.get(plan.name) ?? new RotatingLog(logs, plan.name);
    logByName.set(plan.name, log);
    return startNodeProcess(plan, listener, log);
  };
}

function startNodeProcess(plan: ProcessPlan, listener: ProcessListener, log: RotatingLog): SupervisedProcess {
  const child: ChildProcess = spawn(process.execPath, [join(binFolder(), `${plan.app}.cjs`), ...plan.args], {
    detached: true,
    env: { ...process.env, ...plan.environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  child.stdout!.on('data', (chunk: Buffer) => log.write(chunk));
  child.stderr!.on('data', (chunk: Buffer) => log.write(chunk));
  child.on('message', (message) => listener.onMessage(message as ProcessMessage));
  // 'exit' and not 'close': a grandchild that holds the pipe must not hide that the process is dead.
  let hasEnded = false;
  const end = (code: number | null, signal: string | null) => {
    if (hasEnded) return;
    hasEnded = true;
    listener.onExit(code, signal);
  };
  child.once('exit', end);
  child.on('error', (error) => {
    // Either it could not be started at all, or a message could not be sent; only the first is the end of it.
    if (child.pid !== undefined) return;
    log.write(Buffer.from(`${plan.name} cannot be started: ${error.message}\n`));
    end(1, null);
  });
  return {
    pid: child.pid ?? -1,
    send: (message) => {
      if (child.connected) child.send(message, (error) => error !== null && child.kill('SIGTERM'));
      else child.kill('SIGTERM');
    },
    kill: (signal) => {
      child.kill(signal);
    },
  };
}
