/** `yak consume` as an app of its own: records in, lines out, through the Nest TCP door. */
import { Command } from 'commander';
import { runCommand } from '../../shared/command/run-command.js';
import { defineConsume } from './consume-command.js';

void runCommand(defineConsume(new Command('yak-consumer')), process.argv);
