import { YakError } from '#kernel';

/** A config's name is unknown, or its value is not one: exit code 2 for a command line. */
export class ConfigError extends YakError {
  constructor(message: string) {
    super('INVALID_CONFIG', message);
    this.name = 'ConfigError';
  }
}

/** The command line itself is wrong: exit code 2. */
export class UsageError extends YakError {
  constructor(message: string) {
    super('USAGE', message);
    this.name = 'UsageError';
  }
}
