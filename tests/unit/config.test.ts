import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ConfigError, describeConfig, helpText, loadConfig, printedConfig } from '../../gateway/config/config.ts';
import { workerCount } from '../../gateway/config/worker-count.ts';

function faultsOf(env: Record<string, string>, argv: string[] = []): readonly string[] {
  try {
    loadConfig(env, argv);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('loadConfig', () => {
  test('has the documented defaults', () => {
    expect(loadConfig({}, [])).toEqual({
      host: '127.0.0.1',
      wsPort: 8080,
      httpPort: 8081,
      roles: ['gateway', 'sidecar', 'history'],
      databaseUrl: 'sqlite:./data/presence.db',
      historyDays: 90,
      concurrencyDays: 400,
      analyticsDays: 400,
      logKeptWarnMs: 600_000,
      redisUrl: '',
      redisSentinelPassword: '',
      redisCaFile: '',
      redisCertFile: '',
      redisKeyFile: '',
      redisPrefix: 'presence',
      presenceShards: 64,
      logMax: 20_000,
      seenMax: 1_000_000,
      transport: 'auto',
      maxStreams: 3,
      deviceTakeover: 'on',
      onLimit: 'reject',
      outagePolicy: 'open',
      auth: 'off',
      jwtSecret: '',
      jwtPublicKey: '',
      jwksUrl: '',
      jwtIssuer: '',
      jwtAudience: '',
      jwtClockToleranceS: 0,
      jwtUserClaim: 'sub',
      jwtScopeClaim: 'scope',
      jwtLimitClaim: 'max_streams',
      apiKeys: [],
      allowedOrigins: [],
      allowedHosts: [],
      trustedProxies: [],
      rateMessagesPerSecond: 50,
      rateMessagesBurst: 200,
      rateSwitchesPerSecond: 5,
      rateSwitchesBurst: 20,
      rateConnectsPerSecond: 0,
      rateConnectsBurst: 0,
      rateRequestsPerSecond: 0,
      rateRequestsBurst: 0,
      rateKeysPerSecond: 0,
      rateKeysBurst: 0,
      pingIntervalMs: 25_000,
      pongTimeoutMs: 10_000,
      resumeGraceMs: 10_000,
      helloTimeoutMs: 5_000,
      heartbeatIntervalMs: 10_000,
      heartbeatTtlMs: 30_000,
      guardRefreshMs: 60_000,
      guardTtlMs: 90_000,
      nodeBeatMs: 3_000,
      nodeLeaseMs: 10_000,
      sessionLeaseMs: 600_000,
      silenceTimeoutMs: 0,
      sweepMs: 1_000,
      summaryIntervalMs: 1_000,
      autoIntervalAbove: 50,
      topicUsersPerNode: 100_000,
      topicUsersPerSocket: 10_000,
      replica: 'auto',
      replicaMemoryPercent: 25,
      replicaMaxLagMs: 2_000,
      workers: 1,
      demo: 'off',
      maxSockets: 0,
      adminPort: undefined,
      drainDelayMs: undefined,
      drainMs: 5_000,
      logLevel: 'info',
      logRequests: 'errors',
      help: false,
      printConfig: false,
      check: false,
    });
  });

  test('reads variables, and flags win over them', () => {
    const config = loadConfig(
      { WS_PORT: '9000', HTTP_PORT: '9001', ON_LIMIT: 'evict-oldest', ALLOWED_ORIGINS: 'https://a.example, *' },
      ['--ws-port', '9100', '--http-port=0', '--help'],
    );
    expect(config).toMatchObject({ wsPort: 9100, httpPort: 0, onLimit: 'evict-oldest', help: true });
    expect(config.allowedOrigins).toEqual(['https://a.example', '*']);
  });

  test('takes an empty variable or flag as unset', () => {
    expect(loadConfig({ WS_PORT: '', AUTH: '' }, []).wsPort).toBe(8080);
    expect(loadConfig({ REDIS_URL: 'redis://h:1', DATABASE_URL: 'none' }, ['--redis-url=']).redisUrl).toBe('');
    expect(faultsOf({ HOST: '0.0.0.0', AUTH: '' })).toHaveLength(1);
  });

  test('has no variable for what is a flag only', () => {
    expect(loadConfig({ HELP: '1' }, [])).toMatchObject({ help: false });
  });

  test('is deeply frozen', () => {
    const config = loadConfig({ ROLES: 'gateway', REDIS_URL: 'redis://h' }, []);
    expect(config.roles).toEqual(['gateway']);
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.values(config).every((value) => Object.isFrozen(value))).toBe(true);
    expect(Object.isFrozen(loadConfig({}, []).roles)).toBe(true);
  });

  test('reports all faults at once', () => {
    const faults = faultsOf({ WS_PORT: '70000', HEARTBEAT_TTL_MS: '1e4', TRANSPORT: 'tcp', NODE_BEAT_MS: '9000' }, [
      '--no-such-flag',
      'stray',
      '--help=yes',
      '--log-level',
    ]);
    expect(faults).toEqual([
      '--no-such-flag: unknown flag',
      'argument 2: not a flag (flags begin with --)',
      '--help: takes no value',
      '--log-level: needs a value',
      'WS_PORT "70000": must be an integer between 0 and 65535',
      'TRANSPORT "tcp": must be auto, uws or ws',
      'HEARTBEAT_TTL_MS "1e4": must be an integer between 20 and 86400000',
      'NODE_LEASE_MS must be at least 3 × NODE_BEAT_MS (10000 and 9000)',
    ]);
  });

  test('does not take the next flag for a value', () => {
    expect(faultsOf({}, ['--ws-port', '--http-port=0'])).toEqual(['--ws-port: needs a value']);
  });

  test.each([
    [{ NODE_LEASE_MS: '8999' }, 'NODE_LEASE_MS'],
    [{ SESSION_LEASE_MS: '9999' }, 'SESSION_LEASE_MS'],
    [{ HEARTBEAT_TTL_MS: '19999' }, 'HEARTBEAT_TTL_MS'],
    [{ GUARD_TTL_MS: '60000' }, 'GUARD_TTL_MS'],
    [{ PING_INTERVAL_MS: '999' }, 'PING_INTERVAL_MS'],
    [{ MAX_STREAMS: '101' }, 'MAX_STREAMS'],
    [{ MAX_STREAMS: '0' }, 'MAX_STREAMS'],
    [{ WS_PORT: '8081' }, 'WS_PORT and HTTP_PORT'],
    [{ ROLES: 'sidecar' }, 'ROLES'],
    [{ ROLES: 'history' }, 'ROLES'],
    [{ ROLES: 'gateway,history' }, 'ROLES'],
    [{ ROLES: 'writer', REDIS_URL: 'redis://h', DATABASE_URL: 'none' }, 'ROLES'],
    [{ REDIS_URL: 'redis://h' }, 'REDIS_URL needs DATABASE_URL'],
    [{ REDIS_URL: 'redis://h', ROLES: 'sidecar' }, 'REDIS_URL needs DATABASE_URL'],
    [{ REPLICA: 'on' }, 'REPLICA=on needs REDIS_URL'],
    [{ WORKERS: '4' }, 'WORKERS=4 needs REDIS_URL: workers are processes, and share their store in Redis'],
    [{ WORKERS: '0' }, 'WORKERS "0": must be an integer between 1 and 256, or auto'],
    [{ WORKERS: 'all' }, 'WORKERS "all": must be an integer between 1 and 256, or auto'],
    [{ REDIS_SENTINEL_PASSWORD: 'x' }, 'REDIS_SENTINEL_PASSWORD needs REDIS_URL'],
    [{ REDIS_URL: 'redis://h', DATABASE_URL: 'none', REDIS_SENTINEL_PASSWORD: 'x' }, 'is for sentinels'],
    [{ DATABASE_URL: 'postgres://h/db' }, 'DATABASE_URL'],
    [{ DATABASE_URL: 'sqlite:' }, 'DATABASE_URL'],
    [{ HISTORY_DAYS: '-1' }, 'HISTORY_DAYS'],
    [{ AUTH: 'jwt' }, 'AUTH'],
    [{ ALLOWED_ORIGINS: 'a.example' }, 'ALLOWED_ORIGINS'],
    [{ ALLOWED_ORIGINS: 'https://a.example/' }, 'ALLOWED_ORIGINS'],
    [{ REDIS_PREFIX: '{x}' }, 'REDIS_PREFIX'],
  ])('refuses %j', (env, named) => {
    expect(faultsOf(env)).toEqual([expect.stringContaining(named)]);
  });

  test('accepts the timing relations at their edge', () => {
    const edge = {
      NODE_LEASE_MS: '9000',
      SESSION_LEASE_MS: '9000',
      HEARTBEAT_TTL_MS: '20000',
      GUARD_TTL_MS: '60001',
      PING_INTERVAL_MS: '1000',
    };
    expect(faultsOf(edge)).toEqual([]);
  });

  test('WORKERS=auto is one for each core, and one alone on the embedded store', () => {
    const cores = availableParallelism();
    expect(workerCount(loadConfig({ WORKERS: 'auto' }, []))).toBe(1);
    expect(workerCount(loadConfig({ WORKERS: 'auto', REDIS_URL: 'redis://h', DATABASE_URL: 'none' }, []))).toBe(cores);
    expect(workerCount(loadConfig({ WORKERS: '3', REDIS_URL: 'redis://h', DATABASE_URL: 'none' }, []))).toBe(3);
    expect(workerCount(loadConfig({ WORKERS: '1' }, []))).toBe(1);
  });

  test('serves beyond loopback without authentication only when told so', () => {
    expect(faultsOf({ HOST: '0.0.0.0' })).toEqual([expect.stringContaining('AUTH=off')]);
    expect(faultsOf({ HOST: '0.0.0.0', AUTH: 'off' })).toEqual([]);
    expect(faultsOf({ HOST: '0.0.0.0' }, ['--auth', 'off'])).toEqual([]);
    for (const HOST of ['localhost', '::1', '127.0.0.7']) expect(faultsOf({ HOST })).toEqual([]);
  });
});

describe('a name that is no setting', () => {
  test.each([
    ['REDIS_ULR', 'REDIS_URL'],
    ['MAX_STREAM', 'MAX_STREAMS'],
    ['MAXSTREAMS', 'MAX_STREAMS'],
    ['JWT_SECRET_FIL', 'JWT_SECRET_FILE'],
    ['ROLE', 'ROLES'],
    ['DATABASE_URI', 'DATABASE_URL'],
  ])('%s is refused, as it looks like %s', (written, meant) => {
    expect(faultsOf({ [written]: 'x' })).toEqual([
      `${written} is not a setting: did you mean ${meant}? If it is for another program, unset it for this one`,
    ]);
  });

  test('is let be when it looks like none, or is empty', () => {
    const env = {
      HOME: '/root',
      PATH: '/bin',
      PORT: '80',
      HOSTNAME: 'h',
      USER: 'u',
      HTTP_PROXY: 'http://p',
      LANG: 'C',
      REDIS_ULR: '',
    };
    expect(faultsOf(env)).toEqual([]);
  });

  test('as a flag is refused with what it looks like', () => {
    expect(faultsOf({}, ['--max-stream=3'])).toEqual(['--max-stream: unknown flag; did you mean --max-streams?']);
  });
});

describe('a secret in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'presence-config-'));
  const file = join(folder, 'secret');
  const secret = 'a secret of more than 32 characters';
  writeFileSync(file, `${secret}\n`);
  afterAll(() => rmSync(folder, { recursive: true }));

  test('is read by variable and by flag', () => {
    expect(loadConfig({ AUTH: 'jwt', JWT_SECRET_FILE: file }, []).jwtSecret).toBe(secret);
    expect(loadConfig({ AUTH: 'jwt' }, ['--jwt-secret-file', file]).jwtSecret).toBe(secret);
    writeFileSync(file, 'redis://:hush@h\n');
    expect(loadConfig({ REDIS_URL_FILE: file, DATABASE_URL: 'none' }, []).redisUrl).toBe('redis://:hush@h');
    writeFileSync(file, `${secret}\n`);
  });

  test('every secret may be in one', () => {
    for (const name of [
      'REDIS_URL',
      'REDIS_SENTINEL_PASSWORD',
      'JWT_SECRET',
      'JWT_PUBLIC_KEY',
      'JWKS_URL',
      'API_KEYS',
      'DATABASE_URL',
    ]) {
      const faults = faultsOf({ [`${name}_FILE`]: '/nowhere/secret' });
      expect(faults).toContain(`${name}_FILE: must be a readable file`);
      expect(helpText()).toContain(name);
    }
  });

  test('is refused beside the secret itself', () => {
    const both = faultsOf({ AUTH: 'jwt', JWT_SECRET: secret, JWT_SECRET_FILE: file });
    expect(both).toContain('JWT_SECRET and JWT_SECRET_FILE: set only one of them');
  });

  test('certificates for Redis are files in PEM, and go with TLS', () => {
    const at = { REDIS_URL: 'rediss://h', DATABASE_URL: 'none' };
    expect(faultsOf({ ...at, REDIS_CA_FILE: file })).toEqual(['REDIS_CA_FILE: must be a readable file in PEM']);
    const pem = join(folder, 'ca.pem');
    writeFileSync(pem, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    expect(loadConfig({ ...at, REDIS_CA_FILE: pem }, []).redisCaFile).toContain('BEGIN CERTIFICATE');
    expect(faultsOf({ ...at, REDIS_CERT_FILE: pem })).toEqual([expect.stringContaining('must be set both')]);
    expect(faultsOf({ ...at, REDIS_URL: 'redis://h', REDIS_CA_FILE: pem })).toEqual([
      expect.stringContaining('must begin with rediss'),
    ]);
  });
});

describe('what is printed', () => {
  test('never holds a secret', () => {
    const config = loadConfig({ REDIS_URL: 'redis://:hunter2@h:6379', DATABASE_URL: 'none' }, []);
    expect(JSON.stringify(describeConfig(config))).not.toContain('hunter2');
    expect(describeConfig(config)).toMatchObject({ redisUrl: 'redis://:[redacted]@h:6379', wsPort: 8080 });
    expect(describeConfig(loadConfig({}, [])).redisUrl).toBe('');
    expect(faultsOf({ REDIS_URL: 'http://:hunter2@h' }).join()).not.toContain('hunter2');
    expect(faultsOf({}, ['--redis-uri', 'redis://:hunter2@h']).join()).not.toContain('hunter2');
  });

  test.each([
    ['redis://h:6379/0', 'redis://h:6379/0'],
    ['redis://app:hush@h:6379', 'redis://app:[redacted]@h:6379'],
    ['rediss://app:hu%40s%3Ah@10.0.0.7/1', 'rediss://app:[redacted]@10.0.0.7/1'],
    ['redis://:hush@[fd00::1]:6379', 'redis://:[redacted]@[fd00::1]:6379'],
    ['redis+sentinel://:hush@a:26379,b:26379/main', 'redis+sentinel://:[redacted]@a:26379,b:26379/main'],
    ['redis+cluster://app:hush@a:1,b:2', 'redis+cluster://app:[redacted]@a:1,b:2'],
    ['redis://app:h~u!s*h@h', 'redis://app:[redacted]@h'],
  ])('of REDIS_URL %s only the password is hidden', (url, shown) => {
    expect(describeConfig(loadConfig({ REDIS_URL: url, DATABASE_URL: 'none' }, [])).redisUrl).toBe(shown);
  });

  test.each([
    ['mysql://app:hush@db.example/presence?ssl=true', 'mysql://app:[redacted]@db.example/presence?ssl=true'],
    ['mariadb://app:hush@db:3307/presence', 'mariadb://app:[redacted]@db:3307/presence'],
    ['sqlite:./data/presence.db', 'sqlite:./data/presence.db'],
    ['none', 'none'],
  ])('of DATABASE_URL %s only the password is hidden', (url, shown) => {
    expect(describeConfig(loadConfig({ DATABASE_URL: url }, [])).databaseUrl).toBe(shown);
  });

  test.each([
    'redis://app:hu@sh@h:6379',
    'redis://app:@hush@h',
    'redis://app:hush:hush@h:6379',
    'redis://:hush:@h',
    'redis://app:hush%zz@h:6379',
    'redis://app:hush%@h',
    'redis://app:hu/sh@h:6379',
    'redis://app:hu?sh@h:6379',
    'redis://app:hu#sh@h:6379',
    'redis://app:hu sh@h',
    'redis://app:hush\n@h',
    'redis://app:hu"sh@h',
    'redis://app:huésh@h',
    'redis://hush@h:6379',
    'redis://app:hush',
    'redis://app:hush@',
    'redis://:hush/0',
    'redis://h:6379?password=hush',
    'redis://h:6379/0?ssl=true&password=hush',
    'redis://h:6379/0#hush',
    'redis://app:other@h,:hush@h2',
  ])('nothing is shown of %j, which has an odd form', (url) => {
    expect(describeConfig(loadConfig({ REDIS_URL: url }, ['--print-config'])).redisUrl).toBe('[redacted]');
    expect(faultsOf({ REDIS_URL: url, DATABASE_URL: 'none' }).join()).not.toContain('sh');
  });

  test('--print-config prints each setting as a variable, without secrets', () => {
    const lines = printedConfig(
      loadConfig({ REDIS_URL: 'redis://:hush@h', DATABASE_URL: 'none', MAX_STREAMS: '7' }, []),
    ).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining(['MAX_STREAMS=7', 'REDIS_URL=redis://:[redacted]@h', 'ROLES=gateway,sidecar,history']),
    );
    expect(lines.length).toBe(Object.keys(describeConfig(loadConfig({}, []))).length + 1);
  });

  test('help shows each group once, with its settings below', () => {
    const titles = helpText().match(/^(?! |Usage|Each|Defaults|DATABASE_URL_FILE).+$/gm) ?? [];
    expect(new Set(titles).size).toBe(titles.length);
    expect(titles).toEqual(expect.arrayContaining(['Store', 'Authentication', 'History', 'Logs']));
    expect(helpText()).toMatch(/^Admission\n {2}--max-streams .*\n {2}--device-takeover .*\n {2}--on-limit /m);
  });

  test('help names every flag, its variable and its default, also when the rest is wrong', () => {
    expect(loadConfig({ WS_PORT: 'x' }, ['--help']).help).toBe(true);
    const help = helpText();
    expect(help).toMatch(/--heartbeat-ttl-ms <integer> +HEARTBEAT_TTL_MS: .*\[30000\]/);
    expect(help).toMatch(/--transport auto\|uws\|ws +TRANSPORT: .*\[auto\]/);
    expect(help).toMatch(/--help +print this and exit/);
    for (const variable of Object.keys(describeConfig(loadConfig({}, [])))) {
      expect(help).toContain(`  --${variable.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} `);
    }
  });
});
