/** `yak produce` as an app of its own: lines in, records out, through the Nest TCP door. */
import { Command } from 'commander';
import { runCommand } from '../../shared/command/run-command.js';
import { defineProduce } from './produce-command.js';

void runCommand(defineProduce(new Command('yak-producer')), process.argv);
