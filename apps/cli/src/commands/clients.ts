/** `yak cluster clients`. */
import type { ConnectionOptions } from '../../../shared/command/connection-options.js';
import { EXIT, type ExitCode } from '../../../shared/command/exit-codes.js';
import { PartialError } from '../../../shared/command/failure.js';
import { withClient } from '../../../shared/command/open-client.js';
import { type ClientFilter, clientsText, selectClients } from './clients-text.js';

export type ClientsOptions = ConnectionOptions & ClientFilter;

export async function showClients(options: ClientsOptions): Promise<ExitCode> {
  return withClient(options, 'yak-cluster', async (client) => {
    const listed = await client.admin.clients.list();
    const shown = selectClients(listed.clients, options);
    const text = options.json ? JSON.stringify({ ...listed, clients: shown }) : clientsText(listed, shown, Date.now());
    process.stdout.write(`${text}\n`);
    if (listed.silentBrokers.length === 0) return EXIT.OK;
    throw new PartialError(`broker ${listed.silentBrokers.join(', ')} did not answer`);
  });
}
