import type { LoggerService } from '@nestjs/common';
import type { Logger } from '#seams';

/** Nest's own messages in our log: its start-up chatter as debug, its complaints as they are. */
export function nestLogger(logger: Logger): LoggerService {
  const text = (message: unknown) => (message instanceof Error ? (message.stack ?? message.message) : String(message));
  return {
    log: (message: unknown) => logger.debug(text(message), { from: 'nest' }),
    debug: (message: unknown) => logger.debug(text(message), { from: 'nest' }),
    verbose: (message: unknown) => logger.debug(text(message), { from: 'nest' }),
    warn: (message: unknown) => logger.warn(text(message), { from: 'nest' }),
    error: (message: unknown) => logger.error(text(message), { from: 'nest' }),
    fatal: (message: unknown) => logger.error(text(message), { from: 'nest' }),
  };
}
