/**
 * The `yak` command. Only options are declared here; what a command does is loaded when it is asked for, so that `yak produce`
 * starts without the supervisor and `yak topic` without either.
 */
import { Command } from 'commander';
import { defineConsume } from '../../consumer/src/consume-command.js';
import { defineProduce } from '../../producer/src/produce-command.js';
import { exitCodeOf, failureLine } from '../../shared/command/failure.js';
import { runCommand } from '../../shared/command/run-command.js';
import { addClusterCommand } from './commands/cluster-command.js';
import { addGroupCommand } from './commands/group-command.js';
import { isServerName, runServer } from './commands/server-command.js';
import { addTopicCommand } from './commands/topic-command.js';
import { addWhereCommand } from './commands/where-command.js';
import { addUpCommand } from './up/up-options.js';
import { VERSION } from './version.js';

const [, , command, ...args] = process.argv;
if (isServerName(command)) {
  // Not through commander: the app reads its options itself, and the process stays as it is until the app ends.
  void runServer(command, args).catch((error) => {
    process.stderr.write(`${failureLine(error, 'yak', args.includes('--json'))}\n`);
    process.exitCode = exitCodeOf(error);
  });
} else {
  const program = new Command('yak').description('Yet another Kafka: run a cluster, send and read records.').version(VERSION);
  addUpCommand(program);
  // Declared for the list of commands only; isServerName() has taken them.
  program.command('coordinator').description('run the cluster coordinator in the foreground');
  program.command('broker').description('run one broker in the foreground');
  defineProduce(program.command('produce'));
  defineConsume(program.command('consume'));
  addTopicCommand(program);
  addGroupCommand(program);
  addClusterCommand(program);
  addWhereCommand(program);
  program.addHelpText(
    'after',
    '\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 partly done, 4 no answer in time, 130 Ctrl-C, 143 SIGTERM.',
  );
  // (No top-level await: the bundle is CommonJS.)
  if (command === undefined) program.outputHelp();
  else void runCommand(program, process.argv);
}
