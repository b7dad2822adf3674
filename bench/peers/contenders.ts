/** Who is compared: the gateway, and what people would use instead. Each says which jobs it cannot do, and why. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../tests/support/redis-server.ts';
import { GatewayProcess } from '../gateway-process.ts';
import { ServerProcess, spawnServer } from '../server-process.ts';
import type { DialectName } from './clients/dialects.ts';
import { PeerProcess, type PeerServer } from './peer-process.ts';

export const JOBS = ['hold', 'storm', 'fan-out', 'status', 'admission', 'crash'] as const;
export type Job = (typeof JOBS)[number];

export interface ServerOrder {
  readonly job: Job;
  /** Where there is none, the contender needs none. */
  readonly redisUrl: string;
}

export interface Contender {
  readonly name: string;
  readonly title: string;
  /** What it is and how it was set up, in one line. */
  readonly what: string;
  readonly dialect: DialectName;
  readonly usesRedis: boolean;
  /** Jobs that it cannot do, each with the reason. */
  readonly cannot: Readonly<Partial<Record<Job, string>>>;
  /** Measured in these jobs only, as in all others it is what another contender is. */
  readonly only?: readonly Job[];
  /** Why it cannot run on this machine. */
  missing(): string | undefined;
  start(order: ServerOrder): Promise<PeerServer>;
}

/** Relative to the root, from which npm runs scripts. */
const PEERS = 'bench/peers';
const NCHAN = '/usr/lib/nginx/modules/ngx_nchan_module.so';
const SOKETI = `${PEERS}/node_modules/@soketi/soketi/bin/server.js`;
/** Nobody expires by himself while readers are measured. */
const LASTING = { HEARTBEAT_TTL_MS: '3600000' };

const here = (): undefined => undefined;
const needs = (path: string, how: string) => (): string | undefined => (existsSync(path) ? undefined : how);
const npmPeer = (name: string): (() => string | undefined) =>
  needs(`${PEERS}/node_modules/${name}`, 'not installed: npm ci --ignore-scripts --prefix bench/peers');
const debianPeer =
  (command: string, path: string, packages: string): (() => string | undefined) =>
  () =>
    existsSync(path) && spawnSync(command, ['-h']).error === undefined
      ? undefined
      : `not installed: apt-get install ${packages}`;

const lasting = (job: Job): Readonly<Record<string, string>> => (job === 'status' ? LASTING : {});

/** @param env beside what the bench always says; pings go out as by default. */
function gateway(env: Readonly<Record<string, string>>): Contender['start'] {
  return ({ redisUrl }) =>
    GatewayProcess.start({
      TRANSPORT: 'uws',
      PING_INTERVAL_MS: '25000',
      ...(redisUrl && { REDIS_URL: redisUrl }),
      ...env,
    });
}

async function nodePeer(file: string, { job, redisUrl }: ServerOrder): Promise<PeerServer> {
  const env = { NODE_ENV: 'production', REDIS_URL: redisUrl, ...lasting(job) };
  return new ServerProcess(...(await spawnServer([file], env)));
}

/** A file of `servers/`, which is run as it is. */
const serverOf =
  (name: string): Contender['start'] =>
  (order) =>
    nodePeer(`${PEERS}/servers/${name}.mjs`, order);

/** The origin has two services; the limiter is the one that refuses. */
const origin: Contender['start'] = (order) => {
  const name = order.job === 'admission' ? 'origin-limiter' : 'origin-tracker';
  return nodePeer(fileURLToPath(new URL(`./${name}.js`, import.meta.url)), order);
};

const NGINX_CONF = (port: number, folder: string): string => `
load_module ${NCHAN};
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${folder}/pid;
error_log stderr error;
events { worker_connections 19000; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  nchan_max_reserved_memory 512M;
  server {
    listen 127.0.0.1:${port};
    location /player {
      nchan_pubsub websocket;
      nchan_subscriber_channel_id "user:$arg_user";
      nchan_publisher_channel_id changes;
      nchan_max_channel_subscribers 3;
      nchan_websocket_ping_interval 25;
      nchan_message_buffer_length 0;
      nchan_message_timeout 0;
    }
    location /watch {
      nchan_subscriber websocket;
      nchan_channel_id changes;
      nchan_websocket_ping_interval 25;
    }
  }
}
`;

/** @param write a file in a folder that lives as long as this process. @returns its path. */
function configFile(name: string, write: (folder: string) => string): string {
  const folder = mkdtempSync(join(tmpdir(), `bench-${name}-`));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'conf');
  writeFileSync(path, write(folder));
  return path;
}

async function nchan(): Promise<PeerServer> {
  const port = await freePort();
  const file = configFile('nchan', (folder) => NGINX_CONF(port, folder));
  return PeerProcess.start(port, 'nginx', ['-e', 'stderr', '-p', file.slice(0, -'/conf'.length), '-c', file]);
}

async function mosquitto(): Promise<PeerServer> {
  const port = await freePort();
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence false',
    'log_type none',
    'max_queued_messages 0',
    'max_inflight_messages 0',
    'set_tcp_nodelay true',
  ];
  return PeerProcess.start(port, 'mosquitto', ['-c', configFile('mosquitto', () => `${lines.join('\n')}\n`)]);
}

async function soketi({ redisUrl }: ServerOrder): Promise<PeerServer> {
  const port = await freePort();
  const env = {
    SOKETI_HOST: '127.0.0.1',
    SOKETI_PORT: String(port),
    SOKETI_METRICS_HOST: '127.0.0.1',
    SOKETI_METRICS_SERVER_PORT: String(await freePort()),
    SOKETI_ADAPTER_DRIVER: 'redis',
    SOKETI_DB_REDIS_HOST: '127.0.0.1',
    SOKETI_DB_REDIS_PORT: new URL(redisUrl).port,
    SOKETI_PRESENCE_MAX_MEMBERS: '3',
    SOKETI_SHUTDOWN_GRACE_PERIOD: '0',
    NODE_ENV: 'production',
    NODE_NO_WARNINGS: '1',
  };
  return PeerProcess.start(port, process.execPath, [SOKETI, 'start'], env);
}

const ONE_SERVER = 'one server keeps all in its memory: when it dies, nobody is left to ask';
const NO_PUSH = 'HTTP only: a change is seen by asking again';

export const CONTENDERS: readonly Contender[] = [
  {
    name: 'gateway-redis',
    title: 'this gateway, Redis',
    what: 'TRANSPORT=uws, REDIS_URL, REPLICA=off, Redis with hash-max-listpack-value 256',
    dialect: 'gateway',
    usesRedis: true,
    cannot: {},
    missing: here,
    start: gateway({ REPLICA: 'off' }),
  },
  {
    name: 'gateway-replica',
    title: 'this gateway, Redis, read replica',
    what: 'the same with REPLICA=on',
    dialect: 'gateway',
    usesRedis: true,
    cannot: {},
    only: ['status'],
    missing: here,
    start: gateway({ REPLICA: 'on' }),
  },
  {
    name: 'gateway-memory',
    title: 'this gateway, in memory',
    what: 'TRANSPORT=uws, without Redis: one process',
    dialect: 'gateway',
    usesRedis: false,
    cannot: { crash: ONE_SERVER },
    missing: here,
    start: gateway({}),
  },
  {
    name: 'socketio',
    title: 'socket.io',
    what: 'socket.io 4.8 with its Redis adapter, a Redis set of sockets for each user; ioredis with automatic pipelining',
    dialect: 'socketio',
    usesRedis: true,
    cannot: {},
    missing: npmPeer('socket.io'),
    start: serverOf('socketio-node'),
  },
  {
    name: 'socketio-uws',
    title: 'socket.io on uWebSockets.js',
    what: 'the same, attached to uWebSockets.js',
    dialect: 'socketio',
    usesRedis: true,
    cannot: {},
    missing: npmPeer('socket.io'),
    start: serverOf('socketio-uws'),
  },
  {
    name: 'tutorial',
    title: 'tutorial: ws + ioredis',
    what: 'a heartbeat every 10 s into a sorted set, 30 s to live; automatic pipelining',
    dialect: 'tutorial',
    usesRedis: true,
    cannot: {},
    missing: npmPeer('ws'),
    start: serverOf('tutorial-ws'),
  },
  {
    name: 'tutorial-uws',
    title: 'tutorial: uWebSockets.js + ioredis',
    what: 'the same on uWebSockets.js',
    dialect: 'tutorial',
    usesRedis: true,
    cannot: {},
    missing: npmPeer('uWebSockets.js'),
    start: serverOf('tutorial-uws'),
  },
  {
    name: 'origin',
    title: 'heartbeat service: Fastify + ioredis',
    what: 'POST /heartbeat every 10 s into a sorted set for each user, 30 s to live; 64 connections kept alive for all players',
    dialect: 'heartbeat',
    usesRedis: true,
    cannot: { 'fan-out': NO_PUSH },
    missing: here,
    start: origin,
  },
  {
    name: 'soketi',
    title: 'soketi',
    what: 'soketi 1.6 with its Redis adapter, a presence channel of at most 3 members for each user; changes by its HTTP API, which closes the connection after each',
    dialect: 'soketi',
    usesRedis: true,
    cannot: { status: 'no query for a list of users: one signed request for each' },
    missing: npmPeer('@soketi/soketi'),
    start: soketi,
  },
  {
    name: 'nchan',
    title: 'nchan',
    what: 'nginx with nchan, one worker, in memory: a channel of at most 3 subscribers for each user',
    dialect: 'nchan',
    usesRedis: false,
    cannot: {
      status: 'no query for a list of users: one request for each',
      crash: `set up as it is cheapest: ${ONE_SERVER}`,
    },
    missing: debianPeer('nginx', NCHAN, 'nginx libnginx-mod-nchan'),
    start: nchan,
  },
  {
    name: 'mosquitto',
    title: 'mosquitto, last will',
    what: 'MQTT: a retained message when a player comes (QoS 1), an empty one as its last will; one broker, in memory',
    dialect: 'mqtt',
    usesRedis: false,
    cannot: {
      status: 'no query: who wants to know subscribes, and keeps a copy',
      admission: 'no limit for a user: a client id is unique, so the only limit is one, and the newest wins',
      crash: `${ONE_SERVER}; a broker that dies sends no last will`,
    },
    missing: debianPeer('mosquitto', '/usr/sbin/mosquitto', 'mosquitto'),
    start: mosquitto,
  },
];

/** @throws Error for a name that nobody has. */
export function contendersFor(job: Job, only: readonly string[] | undefined): Contender[] {
  for (const name of only ?? []) {
    if (!CONTENDERS.some((contender) => contender.name === name)) {
      throw new Error(`no such contender: '${name}'; there are ${CONTENDERS.map((c) => c.name).join(', ')}`);
    }
  }
  return CONTENDERS.filter(
    (contender) =>
      (only?.includes(contender.name) ?? true) &&
      contender.cannot[job] === undefined &&
      (contender.only?.includes(job) ?? true),
  );
}
