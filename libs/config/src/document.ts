/** docs/configs.md, generated from the tables; a test compares the file with this text. */
import type { ConfigDefinition } from './definition.js';
import { environmentName } from './environment.js';
import { NOT_ACTING_SERVER_CONFIGS } from './not-acting-configs.js';
import { SERVER_CONFIGS } from './server-configs.js';
import { NOT_ACTING_TOPIC_CONFIGS, TOPIC_CONFIGS } from './topic-configs.js';

export function renderConfigDocument(): string {
  return `${[
    '# Configs',
    '',
    'Generated from `libs/config`; a test fails when this file and the tables differ (`YAK_UPDATE_DOCS=1` on that test rewrites it).',
    '',
    "Names are Kafka's where Kafka has one. A process takes a value from, in this order: a flag (`--set name=value` works for every",
    'config), the environment (`YAK_` and the name in capitals with underscores), the file given with `--config` (properties or one flat',
    'JSON object), the default. A name that is not known and a value that is not allowed stop the process with a message and exit code 2.',
    '',
    'One environment may serve brokers and coordinators: variables of configs that act in the other kind only are not looked at. A variable',
    'that begins with `YAK_` and is no config is named in a warning at start and does nothing; those that Kubernetes makes of Services named',
    '`yak` or `yak-…` (`YAK_PORT=tcp://…`, `YAK_SERVICE_HOST`, …) are neither read nor warned about. An empty variable counts as not set.',
    '',
    'In advertised addresses `{id}` stands for the node id and `{19090+id}` for 19090 plus the node id, so that all brokers can be told the',
    'same: `broker-{id}.example.com:{31092+id}`. Passwords are never printed: not in messages, not in logs, and DescribeConfigs answers null.',
    '',
    '## Brokers and coordinators',
    '',
    'All of them are read at start.',
    '',
    '| Name | Acts in | Type | Default | Allowed | Environment | |',
    '|---|---|---|---|---|---|---|',
    ...Object.entries<ConfigDefinition<unknown>>(SERVER_CONFIGS).map(([name, one]) =>
      row([
        `\`${name}\``,
        one.scopes.join(', '),
        typeText(one),
        one.defaultText,
        one.allowed,
        `\`${environmentName(name)}\``,
        one.documentation,
      ]),
    ),
    '',
    '## Topics',
    '',
    "Given when a topic is created (`yak topic create --config name=value`, or a Kafka client's CreateTopics). The default comes from",
    'the broker config that is named after it.',
    '',
    '| Name | Type | Default | Allowed | |',
    '|---|---|---|---|---|',
    ...Object.entries<ConfigDefinition<unknown>>(TOPIC_CONFIGS).map(([name, one]) =>
      row([`\`${name}\``, typeText(one), one.defaultText, one.allowed, one.documentation]),
    ),
    '',
    '## Known from Kafka and refused',
    '',
    'They would change nothing today, so setting one is an error rather than a silent disappointment.',
    '',
    `Topics: ${[...NOT_ACTING_TOPIC_CONFIGS].map((name) => `\`${name}\``).join(', ')}.`,
    '',
    'Brokers and coordinators:',
    '',
    ...Object.entries(NOT_ACTING_SERVER_CONFIGS).map(([name, instead]) => (instead === '' ? `- \`${name}\`` : `- \`${name}\`: ${instead}`)),
  ].join('\n')}\n`;
}

function typeText(definition: ConfigDefinition<unknown>): string {
  return definition.unit === null ? definition.type : `${definition.type}, ${definition.unit}`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
