/**
 * Environment and flags → one frozen `Config`. The table is the only place where a setting is named: its property
 * gives the variable (`wsPort` → `WS_PORT`) and the flag (`--ws-port`), and `--help` is printed from it.
 */
import { MAX_LIMIT } from '../../presence-core/index.ts';
import { AUTH_SETTINGS, authFaults, RATE_SETTINGS } from '../auth/settings.ts';
import { parseDatabaseUrl } from '../history/database-url.ts';
import { choice, choices, flag, integer, isLoopback, list, origin, type Setting, text, type Value } from './setting.ts';

const DAY_MS = 86_400_000;
const MAX_PORT = 65_535;

export const DEFAULT_DATABASE_URL = 'sqlite:./data/presence.db';
const ROLES = ['gateway', 'sidecar', 'history'] as const;

const SETTINGS = {
  host: text('127.0.0.1', 'address to listen on'),
  wsPort: integer(8080, 0, MAX_PORT, 'port of the gateway (WebSocket); 0 picks a free one'),
  httpPort: integer(8081, 0, MAX_PORT, 'port of HTTP: the sidecar, else health and metrics alone; 0 picks a free one'),
  roles: choices(ROLES, ROLES, 'what this process runs'),

  redisUrl: text(
    '',
    'redis://, rediss://, redis+sentinel://h:p,h:p/name or redis+cluster://h:p,h:p; unset: in memory',
    {
      secret: true,
      pattern: /^(rediss?|redis\+sentinel|redis\+cluster):\/\/[^/]/,
      must: 'begin with redis://, rediss://, redis+sentinel:// or redis+cluster:// and name a host',
    },
  ),
  redisPrefix: text('presence', 'first part of every key', {
    pattern: /^[A-Za-z0-9_.-]{1,32}$/,
    must: 'be 1–32 characters of [A-Za-z0-9_.-]',
  }),
  presenceShards: integer(64, 1, 4096, 'logical shards, fixed for a deployment'),
  logMax: integer(20_000, 100, 10_000_000, 'entries of the change log kept per shard'),
  seenMax: integer(100_000, 0, 10_000_000, 'users per shard whose last-seen time is kept'),

  databaseUrl: text(
    DEFAULT_DATABASE_URL,
    'history: sqlite:<path>, mysql://user:password@host/db, mariadb://… or none',
    {
      secret: true,
    },
  ),
  historyDays: integer(90, 0, 36_500, 'ended sessions are kept for so long; 0: for ever'),
  concurrencyDays: integer(400, 0, 36_500, 'samples of concurrency are kept for so long; 0: for ever'),
  analyticsDays: integer(400, 0, 36_500, 'hours of analytics are kept for so long; 0: for ever'),

  transport: choice(
    ['auto', 'uws', 'ws'],
    'auto',
    'uws: sockets and HTTP; ws: with node:http; auto: uws for sockets when it loads, node:http',
  ),
  maxStreams: integer(3, 1, MAX_LIMIT, 'sessions a user may have at once, unless overridden'),
  onLimit: choice(['reject', 'evict-oldest'], 'reject', 'what happens at the limit'),
  outagePolicy: choice(['open', 'closed'], 'open', 'while the store is away: let play, or refuse'),
  auth: choice(['off', 'jwt'], 'off', 'off must be stated to listen beyond loopback'),
  ...AUTH_SETTINGS,
  allowedOrigins: list(origin, 'origins of browsers that may call, or *; unset: none but the own'),
  ...RATE_SETTINGS,

  pingIntervalMs: integer(25_000, 1_000, DAY_MS, 'between pings of a socket'),
  pongTimeoutMs: integer(10_000, 100, DAY_MS, 'a ping unanswered for so long closes the socket'),
  resumeGraceMs: integer(10_000, 0, DAY_MS, 'a lost socket keeps its slot for so long'),
  helloTimeoutMs: integer(5_000, 100, DAY_MS, 'the first message must arrive within'),
  heartbeatIntervalMs: integer(10_000, 10, DAY_MS, 'told to players without a socket'),
  heartbeatTtlMs: integer(30_000, 20, DAY_MS, 'a heartbeat holds its slot for so long'),
  guardRefreshMs: integer(60_000, 10, DAY_MS, 'a guard is due for renewal after'),
  guardTtlMs: integer(90_000, 20, DAY_MS, 'a guard holds its slot for so long'),
  nodeBeatMs: integer(3_000, 10, DAY_MS, 'between renewals of the lease of a node'),
  nodeLeaseMs: integer(10_000, 30, DAY_MS, 'a silent node has lost its sessions after'),
  sessionLeaseMs: integer(600_000, 30, DAY_MS, 'lease of a session held by a socket, renewed at a third of it'),
  sweepMs: integer(1_000, 10, DAY_MS, 'between sweeps of what has expired'),
  summaryIntervalMs: integer(1_000, 100, DAY_MS, 'between summaries of a topic and between messages of topic stats'),
  autoIntervalAbove: integer(50, 1, 1_000_000, 'changes a second above which topics in mode auto are summarised'),
  replica: choice(['on', 'off'], 'off', 'answer reads from a copy of Redis in memory; it falls back to Redis'),
  replicaMaxLagMs: integer(2_000, 1_000, DAY_MS, 'an older copy is not answered from'),
  drainMs: integer(10_000, 0, DAY_MS, 'a drain spreads its players over this time'),

  logLevel: choice(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
    'least level that is logged',
  ),
  logRequests: choice(['errors', 'all'], 'errors', 'HTTP requests that are logged'),
  help: flag('print this and exit'),
} as const satisfies Record<string, Setting>;

type Settings = typeof SETTINGS;
type Name = keyof Settings;

/** All settings of a process, deeply frozen. An unset text is the empty string. */
export type Config = { readonly [K in Name]: Value<Settings[K]> };

export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`Bad configuration:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

const NAMES = Object.keys(SETTINGS) as Name[];
const separated = (name: string, separator: string): string => name.replace(/[A-Z]/g, (letter) => separator + letter);
const variableOf = (name: Name): string => separated(name, '_').toUpperCase();
const flagOf = (name: Name): string => `--${separated(name, '-').toLowerCase()}`;
const NAME_OF_FLAG: ReadonlyMap<string, Name> = new Map(NAMES.map((name) => [flagOf(name), name]));

/** Raw texts by name. Flags win over the environment; an empty text is the same as none. */
function collect(env: Readonly<Record<string, string | undefined>>, argv: readonly string[], faults: string[]) {
  const raw = new Map<Name, string>();
  for (const name of NAMES) {
    const value = SETTINGS[name].kind === 'flag' ? undefined : env[variableOf(name)];
    if (value) raw.set(name, value);
  }
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string;
    const [written, attached] = argument.split(/=(.*)/s, 2) as [string, string?];
    const name = NAME_OF_FLAG.get(written);
    if (!name) {
      // A stray word may be a secret whose flag was misspelt: it is told by its position.
      faults.push(written.startsWith('-') ? `${written}: unknown flag` : `argument ${i + 1}: not a flag`);
    } else if (SETTINGS[name].kind === 'flag') {
      if (attached === undefined) raw.set(name, 'true');
      else faults.push(`${written}: takes no value`);
    } else {
      const next = argv[i + 1];
      const value = attached ?? (next?.startsWith('--') ? undefined : next);
      if (value === undefined) faults.push(`${written}: needs a value`);
      else if (value === '') raw.delete(name);
      else raw.set(name, value);
      if (attached === undefined && value !== undefined) i++;
    }
  }
  return raw;
}

/** Relations between settings; each line is a fault when it does not hold. */
function relations(config: Config, stated: ReadonlySet<Name>): string[] {
  const faults: string[] = [];
  const expect = (holds: boolean, fault: string): void => {
    if (!holds) faults.push(fault);
  };
  const { nodeLeaseMs, nodeBeatMs, sessionLeaseMs, heartbeatTtlMs, heartbeatIntervalMs, guardTtlMs } = config;
  const timing = (relation: string, left: number, right: number) => `${relation} (${left} and ${right})`;
  expect(
    nodeLeaseMs >= 3 * nodeBeatMs,
    timing('NODE_LEASE_MS must be at least 3 × NODE_BEAT_MS', nodeLeaseMs, nodeBeatMs),
  );
  // Else the loss of a node would show as timeouts of its sessions (P9).
  expect(
    sessionLeaseMs >= nodeLeaseMs,
    timing('SESSION_LEASE_MS must be at least NODE_LEASE_MS', sessionLeaseMs, nodeLeaseMs),
  );
  expect(
    heartbeatTtlMs >= 2 * heartbeatIntervalMs,
    timing('HEARTBEAT_TTL_MS must be at least 2 × HEARTBEAT_INTERVAL_MS', heartbeatTtlMs, heartbeatIntervalMs),
  );
  expect(
    guardTtlMs > config.guardRefreshMs,
    timing('GUARD_TTL_MS must be more than GUARD_REFRESH_MS', guardTtlMs, config.guardRefreshMs),
  );
  expect(config.wsPort !== config.httpPort || config.wsPort === 0, 'WS_PORT and HTTP_PORT must differ');
  const apart = !config.roles.includes('gateway') || !config.roles.includes('sidecar');
  expect(!apart || config.redisUrl !== '', 'ROLES: a part alone needs REDIS_URL to share the store');
  expect(
    stated.has('auth') || isLoopback(config.host),
    `HOST ${config.host} is not loopback: set AUTH=jwt, or state AUTH=off to serve it without authentication`,
  );
  try {
    parseDatabaseUrl(config.databaseUrl);
  } catch (error) {
    faults.push((error as Error).message);
  }
  faults.push(...authFaults(config));
  return faults;
}

/**
 * Reads the environment and the flags (`process.argv.slice(2)`).
 * @throws ConfigError with every fault at once. With `--help` faults are passed over, so that it always prints.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>, argv: readonly string[]): Config {
  const faults: string[] = [];
  const raw = collect(env, argv, faults);
  const values: Partial<Record<Name, unknown>> = {};
  for (const name of NAMES) {
    const setting: Setting = SETTINGS[name];
    const written = raw.get(name);
    values[name] = setting.fallback;
    if (written === undefined) continue;
    const parsed = setting.parse(written);
    if ('value' in parsed) values[name] = parsed.value;
    else faults.push(`${variableOf(name)}${setting.secret ? '' : ` "${written}"`}: must ${parsed.must}`);
  }
  for (const value of Object.values(values)) Object.freeze(value);
  const config = Object.freeze(values) as Config;
  faults.push(...relations(config, new Set(raw.keys())));
  if (faults.length > 0 && !config.help) throw new ConfigError(faults);
  return config;
}

/** The configuration for the log at start: what is secret shows only that it is set. */
export function describeConfig(config: Config): Record<string, unknown> {
  return Object.fromEntries(
    NAMES.filter((name) => SETTINGS[name].kind !== 'flag').map((name) => {
      const setting: Setting = SETTINGS[name];
      return [name, setting.secret && String(config[name]) !== '' ? '[redacted]' : config[name]];
    }),
  );
}

/** What `--help` prints. */
export function helpText(): string {
  const rows = NAMES.map((name) => {
    const setting: Setting = SETTINGS[name];
    const head = setting.kind === 'flag' ? flagOf(name) : `${flagOf(name)} ${setting.kind}`;
    const fallback = setting.kind === 'flag' || String(setting.fallback) === '' ? '' : ` [${setting.fallback}]`;
    const variable = setting.kind === 'flag' ? '' : `${variableOf(name)}: `;
    return `  ${head.padEnd(42)} ${variable}${setting.about}${fallback}`;
  });
  return `Usage: npm start -- [flags]\n\nEach flag may be given as a variable of the environment; the flag wins.\n\n${rows.join('\n')}\n`;
}
