/** What must hold between settings. No message quotes a secret. */

import { parseRedisUrl } from '../../presence-core/index.ts';
import { hasKeyTwice } from '../auth/api-keys.ts';
import { parseDatabaseUrl } from '../history/database-url.ts';
import { isLoopback } from '../limits/local-access.ts';
import { type Config, type SettingName, variableOf } from './settings.ts';

const MIN_SECRET_BYTES = 32;

const REDIS_SETTINGS = ['redisSentinelPassword', 'redisCaFile', 'redisCertFile', 'redisKeyFile'] as const;

const TOKEN_SETTINGS = [
  'jwtSecret',
  'jwtPublicKey',
  'jwksUrl',
  'jwtIssuer',
  'jwtAudience',
  'jwtUserClaim',
  'jwtScopeClaim',
  'jwtLimitClaim',
  'apiKeys',
] as const;

/** Whether the environment or a flag gives the setting a value, be it a wrong one. */
type IsSet = (name: SettingName) => boolean;

type Duration = Exclude<Extract<SettingName, `${string}Ms`>, 'drainDelayMs'>;

/** The first must be at least so many times the second. */
const TIMINGS: readonly (readonly [Duration, number, Duration])[] = [
  ['nodeLeaseMs', 3, 'nodeBeatMs'],
  // Otherwise the loss of a node would show as timeouts of its sessions (P9).
  ['sessionLeaseMs', 1, 'nodeLeaseMs'],
  ['heartbeatTtlMs', 2, 'heartbeatIntervalMs'],
];

/** Whoever can change the key set on its way can sign any token. */
function isSafeUrl(written: string): boolean {
  if (!URL.canParse(written)) return false;
  const { protocol, hostname } = new URL(written);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, '')));
}

/** Such a URL is never fetched. */
function hasUser(written: string): boolean {
  if (!URL.canParse(written)) return false;
  const { username, password } = new URL(written);
  return username !== '' || password !== '';
}

function redisFaults({ redisUrl, redisCertFile, redisKeyFile, ...config }: Config, isSet: IsSet): string[] {
  if (redisUrl === '') {
    const alone = REDIS_SETTINGS.filter((name) => isSet(name)).map(variableOf);
    if (config.replica === 'on') alone.push('REPLICA=on');
    return alone.map((name) => `${name} needs REDIS_URL: without it everything is kept in the memory of this process`);
  }
  try {
    const { tls, kind } = parseRedisUrl(redisUrl);
    const faults: string[] = [];
    for (const name of ['redisCaFile', 'redisCertFile', 'redisKeyFile'] as const) {
      if (!tls && isSet(name)) faults.push(`${variableOf(name)} is for TLS: REDIS_URL must begin with rediss`);
    }
    if ((redisCertFile === '') !== (redisKeyFile === '')) {
      faults.push('REDIS_CERT_FILE and REDIS_KEY_FILE must be set both, or neither');
    }
    if (kind !== 'sentinel' && isSet('redisSentinelPassword')) {
      faults.push(
        'REDIS_SENTINEL_PASSWORD is for sentinels: REDIS_URL must be redis+sentinel:// or rediss+sentinel://',
      );
    }
    return faults;
  } catch (error) {
    return [(error as Error).message];
  }
}

function databaseFault({ databaseUrl }: Config): string | undefined {
  try {
    parseDatabaseUrl(databaseUrl);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * @returns a message for each fault.
 */
export function crossCheck(config: Config, isSet: IsSet): string[] {
  const faults: string[] = [];
  const expect = (holds: boolean, fault: string): void => {
    if (!holds) faults.push(fault);
  };
  for (const [longer, times, shorter] of TIMINGS) {
    const least = times === 1 ? variableOf(shorter) : `${times} × ${variableOf(shorter)}`;
    const values = `(${config[longer]} and ${config[shorter]})`;
    expect(config[longer] >= times * config[shorter], `${variableOf(longer)} must be at least ${least} ${values}`);
  }
  const { guardTtlMs, guardRefreshMs, wsPort, httpPort, roles, host, auth, jwtSecret, jwksUrl } = config;
  expect(
    guardTtlMs > guardRefreshMs,
    `GUARD_TTL_MS must be more than GUARD_REFRESH_MS (${guardTtlMs} and ${guardRefreshMs})`,
  );
  const { silenceTimeoutMs, pingIntervalMs } = config;
  expect(
    silenceTimeoutMs === 0 || silenceTimeoutMs >= 2 * pingIntervalMs,
    `SILENCE_TIMEOUT_MS must be 0 or at least 2 × PING_INTERVAL_MS (${silenceTimeoutMs} and ${pingIntervalMs})`,
  );
  const pairs = [
    ['WS_PORT and HTTP_PORT', wsPort, httpPort],
    ['WS_PORT and ADMIN_PORT', wsPort, config.adminPort],
    ['HTTP_PORT and ADMIN_PORT', httpPort, config.adminPort],
  ] as const;
  for (const [names, one, other] of pairs) expect(one !== other || one === 0, `${names} must differ`);
  expect(
    (roles.includes('gateway') && roles.includes('sidecar')) || config.redisUrl !== '',
    'ROLES without gateway or without sidecar needs REDIS_URL: the processes share their store in Redis',
  );
  expect(
    config.workers === 'auto' || config.workers === 1 || config.redisUrl !== '',
    `WORKERS=${config.workers} needs REDIS_URL: workers are processes, and share their store in Redis`,
  );
  expect(
    isSet('auth') || isLoopback(host),
    `HOST ${host} is not loopback: set AUTH=jwt, or AUTH=off to serve everyone without authentication`,
  );
  expect(
    config.redisUrl === '' || isSet('databaseUrl') || !(roles.includes('history') || roles.includes('sidecar')),
    'REDIS_URL needs DATABASE_URL to be stated, as processes that share a Redis share their history: ' +
      'mysql://user:password@host/db, or none for no history',
  );
  expect(
    roles.some((role) => role !== 'history') || config.databaseUrl !== 'none',
    'ROLES=history with DATABASE_URL=none does nothing: name the database, or another role',
  );
  expect(config.demo === 'off' || auth === 'off', 'DEMO=on needs AUTH=off: its page plays as any user');
  faults.push(...redisFaults(config, isSet));
  const fault = databaseFault(config);
  if (fault !== undefined) faults.push(fault);

  const sources = (['jwtSecret', 'jwtPublicKey', 'jwksUrl'] as const).filter(isSet).length;
  const count = sources === 0 ? 'none is set' : `${sources} are set`;
  if (auth === 'jwt') {
    expect(sources === 1, `AUTH=jwt needs exactly one of JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL (${count})`);
  }
  // Whoever sets a key means to authenticate: to serve everyone instead would go unnoticed.
  else {
    const set = TOKEN_SETTINGS.filter(isSet).map(variableOf);
    expect(
      set.length === 0,
      `${set.join(', ')}: without AUTH=jwt everyone is served unchecked; set it, or unset these`,
    );
  }
  expect(
    jwtSecret === '' || (Buffer.byteLength(jwtSecret.trim()) >= MIN_SECRET_BYTES && !jwtSecret.includes('-----BEGIN')),
    `JWT_SECRET must be a secret of at least ${MIN_SECRET_BYTES} bytes, not a PEM key`,
  );
  expect(jwksUrl === '' || isSafeUrl(jwksUrl), 'JWKS_URL must be https://, or http:// on loopback');
  expect(!hasUser(jwksUrl), 'JWKS_URL must have no user or password: it is fetched without');
  expect(!hasKeyTwice(config.apiKeys), 'API_KEYS must not contain the same key twice');

  for (const what of ['Messages', 'Switches', 'Connects', 'Requests', 'Keys'] as const) {
    const isSaid = isSet(`rate${what}Burst`) && config[`rate${what}Burst`] > 0;
    const alone = isSaid && config[`rate${what}PerSecond`] === 0;
    expect(!alone, `${variableOf(`rate${what}Burst`)} needs ${variableOf(`rate${what}PerSecond`)}`);
  }
  return faults;
}
