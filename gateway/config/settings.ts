/**
 * The table of settings, the only place where one is named: its property gives the variable (`wsPort` → `WS_PORT`) and
 * the flag (`--ws-port`), and `--help` is printed from it. What holds between settings is in `checks.ts`.
 */
import { MAX_LIMIT, MAX_SHARDS } from '../../presence-core/index.ts';
import {
  addressRange,
  apiKey,
  auto,
  choice,
  choices,
  flag,
  hostName,
  integer,
  list,
  optional,
  origin,
  pemFile,
  publicKey,
  type Setting,
  text,
  type Value,
} from './setting.ts';
import { withoutPassword } from './without-password.ts';

const DAY_MS = 86_400_000;
const MAX_PORT = 65_535;
const MAX_WORKERS = 256;
const MAX_DAYS = 36_500;
const MAX_RATE = 1_000_000;
const MAX_CLOCK_TOLERANCE_S = 300;

export const DEFAULT_DATABASE_URL = 'sqlite:./data/presence.db';
const ROLES = ['gateway', 'sidecar', 'history'] as const;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** A duration in milliseconds. */
const duration = (fallbackMs: number, minMs: number, about: string) => integer(fallbackMs, minMs, DAY_MS, about);
const days = (fallback: number, what: string) =>
  integer(fallback, 0, MAX_DAYS, `delete ${what} after this many days; 0: keep them for ever`);
const perSecond = (what: string, fallback = 0) =>
  integer(fallback, 0, MAX_RATE, `${what} allowed per second; 0: no limit`);
const claim = (fallback: string, about: string) =>
  text(fallback, about, {
    pattern: /^[^\s\p{C}.]+(?:\.[^\s\p{C}.]+)*$/u,
    must: 'be the name of a claim, or a path of names with dots between, such as realm_access.roles',
  });
const burst = (what: string, fallback = 0) =>
  integer(fallback, 0, MAX_RATE, `${what} allowed at once; 0: the limit per second`);

/** The groups in the order in which `--help` shows them. */
export const SETTING_GROUPS = {
  'Process and network': {
    host: text('127.0.0.1', 'IP address or host name to listen on', {
      pattern: /^(?:[\w.-]+|[\da-f]*:[\da-f:.]*:[\da-f:.]*(?:%\w+)?)$/i,
      must: 'be one IP address or host name, without scheme, port or brackets, such as 0.0.0.0 or ::',
    }),
    wsPort: integer(8080, 0, MAX_PORT, 'WebSocket port (role gateway); 0: any free port'),
    httpPort: integer(8081, 0, MAX_PORT, 'HTTP port; without role sidecar only health and metrics; 0: any free port'),
    roles: choices(
      ROLES,
      ROLES,
      'what this process runs: gateway (WebSocket), sidecar (HTTP API), history (writes to SQL)',
    ),
    transport: choice(
      ['auto', 'uws', 'ws'],
      'auto',
      'auto: uWebSockets.js (else ws) for sockets, node:http; uws: uWebSockets.js for both; ws: ws and node:http',
    ),
    workers: auto(
      integer(
        1,
        1,
        MAX_WORKERS,
        'processes that share the ports, each a node of its own, started and watched by one more; more than 1 needs ' +
          'REDIS_URL; auto: one for each core, without REDIS_URL 1',
      ),
    ),
    demo: choice(['on', 'off'], 'off', 'serve the player demo at /demo; it needs AUTH=off'),
    maxSockets: integer(
      0,
      0,
      10_000_000,
      'open WebSockets of each worker; more are refused with 503; 0: four fifths of the file descriptors that it may have',
    ),
    adminPort: optional(
      integer(
        0,
        0,
        MAX_PORT,
        'HTTP port for /metrics and /log-level, then not on HTTP_PORT, and for health checks; 0: any free port',
      ),
    ),
    drainDelayMs: optional(
      duration(
        0,
        0,
        'at shutdown, first answer /readyz with 503 for this time and go on serving; unset: 2000 with REDIS_URL, else 0',
      ),
    ),
    drainMs: duration(5_000, 0, 'then disconnect the players spread over this time'),
  },
  Store: {
    redisUrl: text(
      '',
      'redis://, redis+sentinel://host:port,host:port/name or redis+cluster://host:port,host:port, with TLS rediss://, ' +
        'rediss+sentinel:// or rediss+cluster://; unset: everything in memory, for a single process',
      { secret: true, show: withoutPassword },
    ),
    redisSentinelPassword: text('', 'password of the sentinels themselves', { secret: true }),
    redisCaFile: pemFile('certificates that sign those of Redis, in PEM; unset: those that Node.js trusts'),
    redisCertFile: pemFile('certificate of this client for Redis, in PEM'),
    redisKeyFile: pemFile('key of that certificate, in PEM'),
    redisPrefix: text('presence', 'prefix of all Redis keys', {
      pattern: /^[A-Za-z0-9_.-]{1,32}$/,
      must: 'be 1–32 characters of A-Z a-z 0-9 _ . -',
    }),
    presenceShards: integer(64, 1, MAX_SHARDS, 'number of shards; the same for all processes, and never changed'),
    logMax: integer(20_000, 100, 10_000_000, 'entries kept in the change log of each shard'),
    seenMax: integer(1_000_000, 0, 1_000_000_000, 'users whose last-seen time is kept: 110 to 145 bytes each'),
    replica: choice(
      ['auto', 'on', 'off'],
      'auto',
      'answer reads from a copy of Redis in memory; auto: while much is read and the copy fits',
    ),
    replicaMemoryPercent: integer(
      25,
      1,
      90,
      'auto: the most of its memory that a process gives to that copy, in percent',
    ),
    replicaMaxLagMs: duration(2_000, 1_000, 'read from Redis when that copy is older than this'),
  },
  Admission: {
    maxStreams: integer(3, 1, MAX_LIMIT, 'default limit of concurrent sessions per user'),
    deviceTakeover: choice(
      ['on', 'off'],
      'on',
      'a hello at the limit takes the slot of a lost session of the same device, as after a reload of the page',
    ),
    onLimit: choice(['reject', 'evict-oldest'], 'reject', 'at the limit: refuse the new session, or end the oldest'),
    outagePolicy: choice(['open', 'closed'], 'open', 'while the store is down: admit without a check, or refuse'),
  },
  Authentication: {
    auth: choice(['off', 'jwt'], 'off', 'check tokens; unless HOST is loopback, off must be set explicitly'),
    jwtSecret: text('', 'HS256 secret that signs tokens, at least 32 bytes', { secret: true }),
    jwtPublicKey: publicKey('public key that verifies tokens: a PEM file, or the PEM itself with \\n for line breaks'),
    jwksUrl: text('', 'URL of a JSON Web Key Set that verifies tokens: https://, or http:// on loopback', {
      secret: true,
    }),
    jwtIssuer: text('', 'required token issuer (iss); unset: any'),
    jwtAudience: text('', 'required token audience (aud); unset: any'),
    jwtClockToleranceS: integer(0, 0, MAX_CLOCK_TOLERANCE_S, 'seconds by which the clocks of issuers may differ'),
    jwtUserClaim: claim('sub', 'claim of a token that is the user id; a path has dots between its names'),
    jwtScopeClaim: claim('scope', 'claim that has the scopes: words in a text, or an array'),
    jwtLimitClaim: claim('max_streams', 'claim that has the limit of concurrent sessions of the user'),
    apiKeys: list(apiKey, 'API keys of other services; scope is player, read or admin', { secret: true }),
    allowedOrigins: list(
      origin,
      'browser origins that may connect, * for any; unset: any (on loopback without authentication: of this machine), ' +
        'and HTTP has no CORS headers',
    ),
    allowedHosts: list(
      hostName,
      'on loopback without authentication: host names, besides those of loopback, by which this process is reached, as ' +
        'through a proxy; * for any',
    ),
  },
  'Rate limits': {
    trustedProxies: list(addressRange, 'proxies whose X-Forwarded-For header is trusted'),
    rateMessagesPerSecond: perSecond('messages of a socket', 50),
    rateMessagesBurst: burst('messages of a socket', 200),
    rateSwitchesPerSecond: perSecond('switches of stream of a socket', 5),
    rateSwitchesBurst: burst('switches of stream of a socket', 20),
    rateConnectsPerSecond: perSecond('WebSocket connects from an IP address'),
    rateConnectsBurst: burst('WebSocket connects from an IP address'),
    rateRequestsPerSecond: perSecond('HTTP requests of a user (of an IP address if there is no user)'),
    rateRequestsBurst: burst('HTTP requests of a user (of an IP address if there is no user)'),
    rateKeysPerSecond: perSecond('HTTP requests of an API key, whatever users they are for'),
    rateKeysBurst: burst('HTTP requests of an API key'),
  },
  'Sockets and dashboards': {
    helloTimeoutMs: duration(5_000, 100, 'close a socket that sends no hello within this time'),
    pingIntervalMs: duration(25_000, 1_000, 'ping each socket this often'),
    pongTimeoutMs: duration(10_000, 100, 'close a socket that does not answer a ping within this time'),
    silenceTimeoutMs: duration(
      0,
      0,
      'close a player that sends no message, not even ping, for so long: its page is frozen; 0: never',
    ),
    resumeGraceMs: duration(10_000, 0, 'after a lost connection, keep the session this long for a reconnect'),
    summaryIntervalMs: duration(1_000, 100, 'send summaries (mode interval) and the topic stats this often'),
    topicUsersPerSocket: integer(10_000, 1, 10_000, 'users that all topics of one socket may name'),
    topicUsersPerNode: integer(100_000, 1, 10_000_000, 'users that the topics of all sockets of this process may name'),
    autoIntervalAbove: integer(50, 1, 1_000_000, 'mode auto sends summaries above this many changes per second'),
  },
  'Heartbeats and guards over HTTP': {
    heartbeatIntervalMs: duration(10_000, 10, 'how often players are asked to send a heartbeat'),
    heartbeatTtlMs: duration(30_000, 20, 'a session ends this long after its last heartbeat'),
    guardRefreshMs: duration(60_000, 10, 'how often clients are asked to refresh a guard'),
    guardTtlMs: duration(90_000, 20, 'a guard ends this long after its last refresh'),
  },
  Leases: {
    nodeBeatMs: duration(3_000, 10, 'renew the lease of this process this often'),
    nodeLeaseMs: duration(10_000, 30, 'the sessions of a process that stopped renewing end after this time'),
    sessionLeaseMs: duration(600_000, 30, 'lease of the session of a socket, renewed at a third of it'),
    sweepMs: duration(1_000, 10, 'remove expired sessions this often'),
  },
  History: {
    databaseUrl: text(
      DEFAULT_DATABASE_URL,
      'SQL database: sqlite:<path>, mysql://user:password@host/db, mariadb://user:password@host/db, or none',
      { secret: true, show: withoutPassword },
    ),
    historyDays: days(90, 'ended sessions'),
    concurrencyDays: days(400, 'samples of concurrency'),
    analyticsDays: days(400, 'hours of analytics'),
    logKeptWarnMs: duration(600_000, 0, 'warn when the change log keeps less than this while history is behind'),
  },
  Logs: {
    logLevel: choice(LOG_LEVELS, 'info', 'lowest level that is logged'),
    logRequests: choice(['errors', 'all'], 'errors', 'HTTP requests that are logged: only 4xx and 5xx, or all'),
  },
  Help: {
    help: flag('print this and exit'),
    printConfig: flag('print all settings as they are read, without secrets, and exit'),
    check: flag('check the settings, and the Redis, database, keys and files that they name, and exit'),
  },
} as const satisfies Record<string, Record<string, Setting>>;

type Groups = typeof SETTING_GROUPS;
type Merged<T> = (T extends unknown ? (all: T) => void : never) extends (all: infer All) => void ? All : never;
type Settings = Merged<Groups[keyof Groups]>;
export type SettingName = keyof Settings;

/** All settings of a process, deeply frozen. An unset text is the empty string. */
export type Config = { readonly [K in SettingName]: Value<Settings[K]> };

export const SETTINGS: Readonly<Record<SettingName, Setting>> = Object.assign({}, ...Object.values(SETTING_GROUPS));
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

const separated = (name: string, separator: string): string => name.replace(/[A-Z]/g, (letter) => separator + letter);
export const variableOf = (name: SettingName): string => separated(name, '_').toUpperCase();
export const flagOf = (name: SettingName): string => `--${separated(name, '-').toLowerCase()}`;
