/** `yak where`. */
import type { LocateRecordRequest } from '#rpc';
import type { ConnectionOptions } from '../../../shared/command/connection-options.js';
import { EXIT, type ExitCode } from '../../../shared/command/exit-codes.js';
import { PartialError } from '../../../shared/command/failure.js';
import { withClient } from '../../../shared/command/open-client.js';
import { recordState, whereText, whyUnknown } from './where-text.js';

export async function showWhere(request: LocateRecordRequest, options: ConnectionOptions): Promise<ExitCode> {
  return withClient(options, 'yak-where', async (client) => {
    const whereabouts = await client.admin.clients.where(request);
    const state = recordState(request.offset, whereabouts);
    const { partition: metadata, answers, silentBrokers } = whereabouts;
    const text = options.json
      ? JSON.stringify({ ...request, state, metadata, answers, silentBrokers })
      : whereText(request, whereabouts, Date.now());
    process.stdout.write(`${text}\n`);
    if (state !== 'unknown') return EXIT.OK;
    throw new PartialError(`${request.topic}-${request.partition}: ${whyUnknown(whereabouts)}`);
  });
}
