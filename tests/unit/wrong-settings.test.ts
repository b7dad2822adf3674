/** Wrong configurations, as operators write them: the exact words name the setting and the cure. */
import { expect, test } from '@jest/globals';
import { ConfigError, loadConfig } from '../../gateway/config/config.ts';

const SECRET = 'a secret of more than 32 characters';
const KEY = '0'.repeat(64);

/** Follows when the only key is not read. */
const NONE = 'AUTH=jwt needs exactly one of JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL (none is set)';
const DATABASES = 'DATABASE_URL is not sqlite:<path>, mysql://user:password@host:port/database, mariadb://… or none';
const SCHEMES =
  'REDIS_URL must begin with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://';
const ENCODE = 'percent-encode special characters in user and password (@ is %40, : is %3A, / is %2F, % is %25)';
const ORIGINS = 'a comma-separated list of origins such as https://example.com (no path, no final slash), or *';

type Case = readonly [env: Readonly<Record<string, string>>, argv: readonly string[], ...faults: string[]];

const CASES: readonly Case[] = [
  [
    { REDIS_ULR: 'redis://h' },
    [],
    'REDIS_ULR is not a setting: did you mean REDIS_URL? If it is for another program, unset it for this one',
  ],
  [
    { REDIS_URI: 'redis://h' },
    [],
    'REDIS_URI is not a setting: did you mean REDIS_URL? If it is for another program, unset it for this one',
  ],
  [
    { MAX_STREAM: '3' },
    [],
    'MAX_STREAM is not a setting: did you mean MAX_STREAMS? If it is for another program, unset it for this one',
  ],
  [
    { MAXSTREAMS: '3' },
    [],
    'MAXSTREAMS is not a setting: did you mean MAX_STREAMS? If it is for another program, unset it for this one',
  ],
  [
    { ON_LIMITS: 'reject' },
    [],
    'ON_LIMITS is not a setting: did you mean ON_LIMIT? If it is for another program, unset it for this one',
  ],
  [
    { OUTAGE_POLICY_: 'open' },
    [],
    'OUTAGE_POLICY_ is not a setting: did you mean OUTAGE_POLICY? If it is for another program, unset it for this one',
  ],
  [
    { JWT_SECRETS: SECRET },
    [],
    'JWT_SECRETS is not a setting: did you mean JWT_SECRET? If it is for another program, unset it for this one',
  ],
  [
    { JWKS_URI: 'https://h' },
    [],
    'JWKS_URI is not a setting: did you mean JWKS_URL? If it is for another program, unset it for this one',
  ],
  [
    { API_KEY: 'x' },
    [],
    'API_KEY is not a setting: did you mean API_KEYS? If it is for another program, unset it for this one',
  ],
  [
    { ALLOWED_ORIGIN: '*' },
    [],
    'ALLOWED_ORIGIN is not a setting: did you mean ALLOWED_ORIGINS? If it is for another program, unset it for this one',
  ],
  [
    { DATABASE_URI: 'none' },
    [],
    'DATABASE_URI is not a setting: did you mean DATABASE_URL? If it is for another program, unset it for this one',
  ],
  [
    { PING_INTERVAL: '25000' },
    [],
    'PING_INTERVAL is not a setting: did you mean PING_INTERVAL_MS? If it is for another program, unset it for this one',
  ],
  [
    { DRAIN_SM: '5' },
    [],
    'DRAIN_SM is not a setting: did you mean DRAIN_MS? If it is for another program, unset it for this one',
  ],
  [
    { LOGLEVEL: 'info' },
    [],
    'LOGLEVEL is not a setting: did you mean LOG_LEVEL? If it is for another program, unset it for this one',
  ],
  [
    { RATE_MESSAGE_PER_SECOND: '5' },
    [],
    'RATE_MESSAGE_PER_SECOND is not a setting: did you mean RATE_MESSAGES_PER_SECOND? If it is for another program, unset it for this one',
  ],
  [
    { TRUSTED_PROXY: '10.0.0.1' },
    [],
    'TRUSTED_PROXY is not a setting: did you mean TRUSTED_PROXIES? If it is for another program, unset it for this one',
  ],
  [{ WS_PORT: '70000' }, [], 'WS_PORT "70000": must be an integer between 0 and 65535'],
  [{ WS_PORT: '-1' }, [], 'WS_PORT "-1": must be an integer between 0 and 65535'],
  [{ HTTP_PORT: 'http' }, [], 'HTTP_PORT "http": must be an integer between 0 and 65535'],
  [{ ADMIN_PORT: '65536' }, [], 'ADMIN_PORT "65536": must be an integer between 0 and 65535'],
  [{ MAX_STREAMS: '0' }, [], 'MAX_STREAMS "0": must be an integer between 1 and 100'],
  [{ MAX_STREAMS: '101' }, [], 'MAX_STREAMS "101": must be an integer between 1 and 100'],
  [{ MAX_STREAMS: 'three' }, [], 'MAX_STREAMS "three": must be an integer between 1 and 100'],
  [{ MAX_STREAMS: '3.5' }, [], 'MAX_STREAMS "3.5": must be an integer between 1 and 100'],
  [{ ON_LIMIT: 'evict' }, [], 'ON_LIMIT "evict": must be reject or evict-oldest'],
  [{ OUTAGE_POLICY: 'fail-open' }, [], 'OUTAGE_POLICY "fail-open": must be open or closed'],
  [{ AUTH: 'on' }, [], 'AUTH "on": must be off or jwt'],
  [{ AUTH: 'JWT' }, [], 'AUTH "JWT": must be off or jwt'],
  [{ TRANSPORT: 'uWebSockets' }, [], 'TRANSPORT "uWebSockets": must be auto, uws or ws'],
  [{ REPLICA: 'true' }, [], 'REPLICA "true": must be auto, on or off'],
  [
    { ROLES: 'gateway;sidecar' },
    [],
    'ROLES "gateway;sidecar": must be one or more of gateway, sidecar, history, separated by commas',
  ],
  [{ LOG_LEVEL: 'verbose' }, [], 'LOG_LEVEL "verbose": must be trace, debug, info, warn, error, fatal or silent'],
  [{ LOG_REQUESTS: 'none' }, [], 'LOG_REQUESTS "none": must be errors or all'],
  [{ HEARTBEAT_TTL_MS: '30s' }, [], 'HEARTBEAT_TTL_MS "30s": must be an integer between 20 and 86400000'],
  [{ PING_INTERVAL_MS: '500' }, [], 'PING_INTERVAL_MS "500": must be an integer between 1000 and 86400000'],
  [{ SESSION_LEASE_MS: '1e6' }, [], 'SESSION_LEASE_MS "1e6": must be an integer between 30 and 86400000'],
  [{ HISTORY_DAYS: '-1' }, [], 'HISTORY_DAYS "-1": must be an integer between 0 and 36500'],
  [
    { PRESENCE_SHARDS: '2048', REDIS_URL: 'redis://h', DATABASE_URL: 'none' },
    [],
    'PRESENCE_SHARDS "2048": must be an integer between 1 and 1024',
  ],
  [{ REDIS_PREFIX: '{x}' }, [], 'REDIS_PREFIX "{x}": must be 1–32 characters of A-Z a-z 0-9 _ . -'],
  [{ REDIS_PREFIX: 'a:b' }, [], 'REDIS_PREFIX "a:b": must be 1–32 characters of A-Z a-z 0-9 _ . -'],
  [
    { TRUSTED_PROXIES: '10.0.0.0/33' },
    [],
    'TRUSTED_PROXIES "10.0.0.0/33": must be a comma-separated list of IP addresses or CIDR ranges, such as 10.0.0.0/8',
  ],
  [
    { TRUSTED_PROXIES: 'proxy.local' },
    [],
    'TRUSTED_PROXIES "proxy.local": must be a comma-separated list of IP addresses or CIDR ranges, such as 10.0.0.0/8',
  ],
  [
    { ALLOWED_ORIGINS: 'example.com' },
    [],
    'ALLOWED_ORIGINS "example.com": must be a comma-separated list of origins such as https://example.com (no path, no final slash), or *',
  ],
  [
    { ALLOWED_ORIGINS: 'https://example.com/' },
    [],
    'ALLOWED_ORIGINS "https://example.com/": must be a comma-separated list of origins such as https://example.com (no path, no final slash), or *',
  ],
  [
    { ALLOWED_HOSTS: 'presence.example:8080' },
    [],
    'ALLOWED_HOSTS "presence.example:8080": must be a comma-separated list of host names such as presence.example, without ports, or *',
  ],
  [
    { JWT_CLOCK_TOLERANCE_S: '600', AUTH: 'jwt', JWT_SECRET: SECRET },
    [],
    'JWT_CLOCK_TOLERANCE_S "600": must be an integer between 0 and 300',
  ],
  [{ RATE_REQUESTS_PER_SECOND: '1.5' }, [], 'RATE_REQUESTS_PER_SECOND "1.5": must be an integer between 0 and 1000000'],
  [
    { API_KEYS: 'secret', AUTH: 'jwt', JWT_SECRET: SECRET },
    [],
    'API_KEYS: must be a comma-separated list of API keys, each as name:scope:sha256hex with scope player, read or admin',
  ],
  [{ WS_PORT: '8081' }, [], 'WS_PORT and HTTP_PORT must differ'],
  [{ ADMIN_PORT: '8080' }, [], 'WS_PORT and ADMIN_PORT must differ'],
  [{ ADMIN_PORT: '8081' }, [], 'HTTP_PORT and ADMIN_PORT must differ'],
  [
    { HOST: '0.0.0.0' },
    [],
    'HOST 0.0.0.0 is not loopback: set AUTH=jwt, or AUTH=off to serve everyone without authentication',
  ],
  [
    { HOST: 'presence.example' },
    [],
    'HOST presence.example is not loopback: set AUTH=jwt, or AUTH=off to serve everyone without authentication',
  ],
  [{ NODE_LEASE_MS: '5000' }, [], 'NODE_LEASE_MS must be at least 3 × NODE_BEAT_MS (5000 and 3000)'],
  [{ SESSION_LEASE_MS: '5000' }, [], 'SESSION_LEASE_MS must be at least NODE_LEASE_MS (5000 and 10000)'],
  [{ HEARTBEAT_TTL_MS: '15000' }, [], 'HEARTBEAT_TTL_MS must be at least 2 × HEARTBEAT_INTERVAL_MS (15000 and 10000)'],
  [{ GUARD_TTL_MS: '60000' }, [], 'GUARD_TTL_MS must be more than GUARD_REFRESH_MS (60000 and 60000)'],
  [
    { ROLES: 'gateway' },
    [],
    'ROLES without gateway or without sidecar needs REDIS_URL: the processes share their store in Redis',
  ],
  [
    { ROLES: 'history' },
    [],
    'ROLES without gateway or without sidecar needs REDIS_URL: the processes share their store in Redis',
  ],
  [{ REPLICA: 'on' }, [], 'REPLICA=on needs REDIS_URL: without it everything is kept in the memory of this process'],
  [
    { REDIS_CA_FILE: '/dev/null' },
    [],
    'REDIS_CA_FILE: must be a readable file in PEM',
    'REDIS_CA_FILE needs REDIS_URL: without it everything is kept in the memory of this process',
  ],
  [
    { REDIS_SENTINEL_PASSWORD: 'x' },
    [],
    'REDIS_SENTINEL_PASSWORD needs REDIS_URL: without it everything is kept in the memory of this process',
  ],
  [
    { REDIS_URL: 'redis://h' },
    [],
    'REDIS_URL needs DATABASE_URL to be stated, as processes that share a Redis share their history: mysql://user:password@host/db, or none for no history',
  ],
  [
    { REDIS_URL: 'redis://h', DATABASE_URL: 'none', REDIS_SENTINEL_PASSWORD: 'x' },
    [],
    'REDIS_SENTINEL_PASSWORD is for sentinels: REDIS_URL must be redis+sentinel:// or rediss+sentinel://',
  ],
  [{ RATE_REQUESTS_BURST: '100' }, [], 'RATE_REQUESTS_BURST needs RATE_REQUESTS_PER_SECOND'],
  [{ RATE_CONNECTS_BURST: '10' }, [], 'RATE_CONNECTS_BURST needs RATE_CONNECTS_PER_SECOND'],
  [
    { REDIS_URL: 'h:6379', DATABASE_URL: 'none' },
    [],
    'REDIS_URL must begin with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://',
  ],
  [
    { REDIS_URL: 'http://h', DATABASE_URL: 'none' },
    [],
    'REDIS_URL must begin with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://',
  ],
  [
    { REDIS_URL: 'redis://:p@ss@h', DATABASE_URL: 'none' },
    [],
    'REDIS_URL has an @ or / too many: percent-encode special characters in user and password (@ is %40, : is %3A, / is %2F, % is %25)',
  ],
  [
    { REDIS_URL: 'redis://u:p%zz@h', DATABASE_URL: 'none' },
    [],
    'REDIS_URL has a % that encodes nothing: percent-encode special characters in user and password (@ is %40, : is %3A, / is %2F, % is %25)',
  ],
  [
    { REDIS_URL: 'redis://h:99999', DATABASE_URL: 'none' },
    [],
    'REDIS_URL needs a host, or host:port, behind // and the @ of a password: percent-encode special characters in user and password (@ is %40, : is %3A, / is %2F, % is %25)',
  ],
  [{ REDIS_URL: 'redis://h/x', DATABASE_URL: 'none' }, [], 'REDIS_URL redis://host:port/db needs a number as db'],
  [
    { REDIS_URL: 'redis+sentinel://h:26379', DATABASE_URL: 'none' },
    [],
    'REDIS_URL of sentinels needs the name of the master: redis+sentinel://host:port,host:port/name',
  ],
  [
    { REDIS_URL: 'redis+cluster://h:6379/1', DATABASE_URL: 'none' },
    [],
    'REDIS_URL of a Cluster takes no database: a Cluster has one',
  ],
  [
    { REDIS_URL: 'redis://a:1,b:2', DATABASE_URL: 'none' },
    [],
    'REDIS_URL names several hosts: use redis+cluster:// or redis+sentinel://…/name',
  ],
  [
    { DATABASE_URL: 'postgres://h/db' },
    [],
    'DATABASE_URL is not sqlite:<path>, mysql://user:password@host:port/database, mariadb://… or none',
  ],
  [{ DATABASE_URL: 'sqlite:' }, [], 'DATABASE_URL sqlite:<path> needs the path of a file'],
  [{ DATABASE_URL: 'sqlite::memory:' }, [], 'DATABASE_URL sqlite: needs a file; for no history set it to none'],
  [
    { DATABASE_URL: './presence.db' },
    [],
    'DATABASE_URL is not sqlite:<path>, mysql://user:password@host:port/database, mariadb://… or none',
  ],
  [
    { DATABASE_URL: 'mysql://u:p@h' },
    [],
    'DATABASE_URL mysql://user:password@host:port/database needs the name of a database: 1–64 characters of [A-Za-z0-9_$-]',
  ],
  [
    { DATABASE_URL: 'mysql://u:p/w@h/db' },
    [],
    'DATABASE_URL is not mysql://user:password@host:port/database; special characters are percent-encoded',
  ],
  [{ DATABASE_URL: 'mysql://u:p@h/db?ssl=yes' }, [], 'DATABASE_URL has an ssl that is not true or false'],
  [{ AUTH: 'jwt' }, [], 'AUTH=jwt needs exactly one of JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL (none is set)'],
  [{ AUTH: 'jwt', JWT_SECRET: 'short' }, [], 'JWT_SECRET must be a secret of at least 32 bytes, not a PEM key'],
  [
    { AUTH: 'jwt', JWT_SECRET: SECRET, JWKS_URL: 'https://h/k' },
    [],
    'AUTH=jwt needs exactly one of JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL (2 are set)',
  ],
  [{ JWT_SECRET: SECRET }, [], 'JWT_SECRET: without AUTH=jwt everyone is served unchecked; set it, or unset these'],
  [
    { API_KEYS: `a:read:${KEY}` },
    [],
    'API_KEYS: without AUTH=jwt everyone is served unchecked; set it, or unset these',
  ],
  [{ AUTH: 'jwt', JWKS_URL: 'http://h/k' }, [], 'JWKS_URL must be https://, or http:// on loopback'],
  [{ AUTH: 'jwt', JWKS_URL: 'h/k' }, [], 'JWKS_URL must be https://, or http:// on loopback'],
  [
    { AUTH: 'jwt', JWT_PUBLIC_KEY: '/nowhere.pem' },
    [],
    'JWT_PUBLIC_KEY: must be a public key in PEM, or a readable file of one: RSA of at least 2048 bits, P-256, P-384, P-521 or Ed25519',
  ],
  [
    { AUTH: 'jwt', JWT_SECRET: '-----BEGIN PUBLIC KEY----- and more of it' },
    [],
    'JWT_SECRET must be a secret of at least 32 bytes, not a PEM key',
  ],
  [
    { AUTH: 'jwt', JWT_SECRET: SECRET, JWT_SECRET_FILE: '/dev/null' },
    [],
    'JWT_SECRET and JWT_SECRET_FILE: set only one of them',
    'AUTH=jwt needs exactly one of JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL (none is set)',
  ],
  [
    { AUTH: 'jwt', JWT_SECRET_FILE: '/nowhere' },
    [],
    'JWT_SECRET_FILE: must be a readable file',
    'AUTH=jwt needs exactly one of JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL (none is set)',
  ],
  [
    { AUTH: 'jwt', JWT_SECRET: SECRET, API_KEYS: `a:read:${KEY},b:read:${KEY}` },
    [],
    'API_KEYS must not contain the same key twice',
  ],
  [
    { AUTH: 'jwt', JWT_SECRET: SECRET, API_KEYS: `a:write:${KEY}` },
    [],
    'API_KEYS: must be a comma-separated list of API keys, each as name:scope:sha256hex with scope player, read or admin',
  ],
  [
    { AUTH: 'jwt', JWT_SECRET: SECRET, JWT_ISSUER: 'https://issuer.example ' },
    [],
    'JWT_ISSUER "https://issuer.example ": must not begin or end with white space',
  ],
  [{ HOST: ' 127.0.0.1' }, [], 'HOST " 127.0.0.1": must not begin or end with white space'],
  [
    { JWT_ISSUER: 'https://issuer.example' },
    [],
    'JWT_ISSUER: without AUTH=jwt everyone is served unchecked; set it, or unset these',
  ],
  [
    { ROLES: 'history', REDIS_URL: 'redis://h', DATABASE_URL: 'none' },
    [],
    'ROLES=history with DATABASE_URL=none does nothing: name the database, or another role',
  ],
  [
    { NODE_LEASE: '9000' },
    [],
    'NODE_LEASE is not a setting: did you mean NODE_LEASE_MS? If it is for another program, unset it for this one',
  ],
  [
    { JWT_CLOCK_TOLERANCE: '5' },
    [],
    'JWT_CLOCK_TOLERANCE is not a setting: did you mean JWT_CLOCK_TOLERANCE_S? If it is for another program, unset it for this one',
  ],
  [{}, ['--ws-prot=1'], '--ws-prot: unknown flag; did you mean --ws-port?'],
  [{}, ['--max-streams'], '--max-streams: needs a value'],
  [{}, ['--help=yes'], '--help: takes no value'],
  [{}, ['max-streams=3'], 'argument 1: not a flag (flags begin with --)'],
  [{}, ['--jwt-secret-fil=x'], '--jwt-secret-fil: unknown flag; did you mean --jwt-secret-file?'],
  [{}, ['--no-such'], '--no-such: unknown flag'],
  // Typing errors: units, quotes, spaces, commas, schemes, names near a setting.
  [{ WS_PORT: '0x50' }, [], 'WS_PORT "0x50": must be an integer between 0 and 65535'],
  [{ WS_PORT: '8080\r' }, [], 'WS_PORT "8080\\r": must be an integer between 0 and 65535'],
  [{ WS_PORT: '8080,' }, [], 'WS_PORT "8080,": must be an integer between 0 and 65535'],
  [{ WS_PORT: ' 8090' }, [], 'WS_PORT " 8090": must be an integer between 0 and 65535'],
  [{ HTTP_PORT: '127.0.0.1:8081' }, [], 'HTTP_PORT "127.0.0.1:8081": must be an integer between 0 and 65535'],
  [{ DRAIN_MS: '5_000' }, [], 'DRAIN_MS "5_000": must be an integer between 0 and 86400000'],
  [{ MAX_STREAMS: ' ' }, [], 'MAX_STREAMS " ": must be an integer between 1 and 100'],
  [{ MAX_STREAMS: '"3"' }, [], 'MAX_STREAMS "\\"3\\"": the quotes are a part of the value: leave them out'],
  [{ ON_LIMIT: "'reject'" }, [], 'ON_LIMIT "\'reject\'": the quotes are a part of the value: leave them out'],
  [{ ON_LIMIT: 'evict_oldest' }, [], 'ON_LIMIT "evict_oldest": must be reject or evict-oldest'],
  [
    { AUTH: 'jwt', JWT_SECRET: `"${SECRET}"` },
    [],
    'JWT_SECRET: the quotes are a part of the value: leave them out, or choose a secret without quotes around it',
  ],
  [{ AUTH: 'jwt', JWT_SECRET: ' '.repeat(40) }, [], 'JWT_SECRET must be a secret of at least 32 bytes, not a PEM key'],
  [
    { REDIS_URL: '"redis://h"', DATABASE_URL: 'none' },
    [],
    'REDIS_URL: the quotes are a part of the value: leave them out, or choose a secret without quotes around it',
  ],
  [
    { DATABASE_URL: '"none"' },
    [],
    'DATABASE_URL: the quotes are a part of the value: leave them out, or choose a secret without quotes around it',
  ],
  [{ DATABASE_URL: 'None' }, [], DATABASES],
  [{ DATABASE_URL: 'jdbc:mysql://h/db' }, [], DATABASES],
  [{ REDIS_URL: 'redis:/h', DATABASE_URL: 'none' }, [], SCHEMES],
  [{ REDIS_URL: ' redis://h', DATABASE_URL: 'none' }, [], SCHEMES],
  [{ REDIS_URL: '/run/redis.sock', DATABASE_URL: 'none' }, [], SCHEMES],
  [
    { REDIS_URL: 'redis://h?db=1', DATABASE_URL: 'none' },
    [],
    `REDIS_URL has a ?, # or space: it takes no parameters; ${ENCODE}`,
  ],
  [
    { REDIS_URL: 'redis://$HOST_OF_REDIS:6379', DATABASE_URL: 'none' },
    [],
    `REDIS_URL needs a host, or host:port, behind // and the @ of a password: ${ENCODE}`,
  ],
  [
    { REDIS_URL: 'rediss://h', DATABASE_URL: 'none', REDIS_CA_FILE: '/' },
    [],
    'REDIS_CA_FILE: must be a readable file in PEM',
  ],
  [{ AUTH: 'jwt', JWT_SECRET_FILE: '/' }, [], 'JWT_SECRET_FILE: must be a readable file', NONE],
  [
    { AUTH: 'jwt', JWKS_URL: 'https://user:password@h/k' },
    [],
    'JWKS_URL must have no user or password: it is fetched without',
  ],
  [{ ALLOWED_ORIGINS: 'https://*.example.com' }, [], `ALLOWED_ORIGINS "https://*.example.com": must be ${ORIGINS}`],
  [{ ALLOWED_ORIGINS: 'https://a.example,' }, [], `ALLOWED_ORIGINS "https://a.example,": must be ${ORIGINS}`],
  [
    { TRUSTED_PROXIES: 'true' },
    [],
    'TRUSTED_PROXIES "true": must be a comma-separated list of IP addresses or CIDR ranges, such as 10.0.0.0/8',
  ],
  [
    { ROLES: 'gateway,' },
    [],
    'ROLES "gateway,": must be one or more of gateway, sidecar, history, separated by commas',
  ],
  [{ WORKERS: '0' }, [], 'WORKERS "0": must be an integer between 1 and 256, or auto'],
  ...['localhost:8080', 'http://localhost', '[::1]', '*', '127.0.0.1,::1'].map(
    (HOST): Case => [
      { HOST },
      [],
      `HOST "${HOST}": must be one IP address or host name, without scheme, port or brackets, such as 0.0.0.0 or ::`,
    ],
  ),
  ...['max_streams', 'PRESENCE_MAX_STREAMS', 'MAX-STREAMS'].map(
    (name): Case => [
      { [name]: '5' },
      [],
      `${name} is not a setting: did you mean MAX_STREAMS? If it is for another program, unset it for this one`,
    ],
  ),
  [
    { PRESENCE_SHARD: '8' },
    [],
    'PRESENCE_SHARD is not a setting: did you mean PRESENCE_SHARDS? If it is for another program, unset it for this one',
  ],
  [{}, ['--MAX_STREAMS=3'], '--MAX_STREAMS: unknown flag; did you mean --max-streams?'],
];

function faultsOf(env: Readonly<Record<string, string>>, argv: readonly string[]): readonly string[] {
  try {
    loadConfig(env, argv);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

test.each(CASES.map(([env, argv, ...faults]) => ({ env, argv, faults })))('$env $argv is refused', (one) => {
  expect(faultsOf(one.env, one.argv)).toEqual(one.faults);
  // At least one of them names what was written, unless it may be a secret.
  const written = [...Object.keys(one.env), ...one.argv.map((flag) => flag.split('=')[0] as string)];
  const named = one.faults.join('\n');
  expect(written.some((name) => named.includes(name)) || named.startsWith('argument 1')).toBe(true);
});

test('what others set under a name near a setting is none', () => {
  expect(faultsOf({ PRESENCE_WS_PORT: 'tcp://10.0.0.1:8080', MAX_STREAM: 'tcp://10.0.0.2:1' }, [])).toEqual([]);
  // What a parent tells its workers.
  expect(faultsOf({ PRESENCE_WORKER: '1' }, [])).toEqual([]);
});

test('-h prints the help', () => {
  expect(loadConfig({}, ['-h']).help).toBe(true);
});
