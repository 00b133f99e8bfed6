export type { FlagDefinition } from './command-line.js';
export { type ConfigDefinition, type ConfigScope, type ConfigType, type ConfigUnit, parseAddressList } from './definition.js';
export {
  type ConfigSetting,
  configSettings,
  type DescribedConfig,
  describeServerConfigs,
  describeTopicConfigs,
} from './describe-configs.js';
export { renderConfigDocument } from './document.js';
export { environmentName } from './environment.js';
export { ConfigError, UsageError } from './errors.js';
export type { MetadataStoreOptions } from './metadata-store.js';
export { NOT_ACTING_SERVER_CONFIGS } from './not-acting-configs.js';
export * from './options.js';
export type { CoordinatorRole, ProcessMessage, SupervisorMessage } from './process-protocol.js';
export {
  SERVER_CONFIGS,
  type ServerConfigName,
  type ServerConfigValues,
} from './server-configs.js';
export { type ConfigSource, defaultServerConfigs, resolveServerConfigs, type ServerConfigs } from './sources.js';
export * from './topic-configs.js';
