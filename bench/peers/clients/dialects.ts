/** How players and watchers of each contender speak. */
import { createHash, createHmac } from 'node:crypto';
import type { BenchSession } from '../../players.ts';
import { request } from '../../requests.ts';
import type { HttpPool } from './http-pool.ts';
import { connectPacket, MqttClient, publishOncePacket, subscribePacket } from './mqtt-client.ts';
import { REPLY_SPREAD_MS, WsClient } from './ws-client.ts';

/** A player, or a watcher, that is let in. */
export interface Client {
  /** Watches another stream: every watcher is to be told. */
  change?(streamId: string): void;
  /** Says that it is still there. */
  beat?(): void;
  end(): void;
}

export interface Target {
  readonly wsPort: number;
  readonly httpPort: number;
  /** Connections that players share, for what goes over HTTP. */
  pool(): HttpPool;
}

export interface Dialect {
  /** Resolves when the server knows that the player is online; undefined: refused. Rejects when neither can be said. */
  player(target: Target, session: BenchSession): Promise<Client | undefined>;
  /** @param told each message with changes. Without it nobody can be told. */
  watcher?(target: Target, told: (payload: Buffer) => void): Promise<Client | undefined>;
  /** How often a player beats; undefined: the server asks. */
  readonly beatEveryMs?: number;
  /** Stands once in a message for each change. */
  readonly mark: string;
  /** The streams of a message's changes. */
  streams(payload: Buffer): string[];
}

const CHANGED = 'zap-';
const ANY_STREAM = /"streamId\\?":\\?"(zap-\d+)/g;
const HEARTBEAT_MS = 10_000;
const MQTT_KEEP_ALIVE_S = 25;
const SOKETI = { id: 'app-id', key: 'app-key', secret: 'app-secret' };
const SOKETI_ACTIVITY_MS = 30_000;

export const changedStream = (number: number): string => `${CHANGED}${number}`;

/** For contenders whose messages name the stream once. */
const plain = {
  mark: CHANGED,
  streams: (payload: Buffer): string[] =>
    [...payload.toString('latin1').matchAll(ANY_STREAM)].map(([, stream = '']) => stream),
};

/**
 * Opens a WebSocket and speaks until the matter is settled.
 * @param step of each message: says what it settles, or answers it. @param told what comes later.
 */
async function converse(
  port: number,
  path: string,
  first: string | undefined,
  step: (text: string, client: WsClient) => 'in' | 'refused' | undefined,
  told: (payload: Buffer, client: WsClient) => void = () => {},
): Promise<WsClient | undefined> {
  const client = await WsClient.open(port, path);
  if (!client) return undefined;
  return new Promise((resolve, reject) => {
    client.onClose = () => reject(new Error('closed before it was let in or refused'));
    client.onText = (payload) => {
      const outcome = step(payload.toString(), client);
      if (outcome === 'in') {
        client.onClose = () => {};
        client.onText = (later) => told(later, client);
        resolve(client);
      } else if (outcome === 'refused') {
        client.end();
        resolve(undefined);
      }
    };
    if (first !== undefined) client.send(first);
  });
}

const settledBy =
  (welcome: string, refusal: string) =>
  (text: string): 'in' | 'refused' | undefined => {
    if (text.includes(welcome)) return 'in';
    return text.includes(refusal) ? 'refused' : undefined;
  };

/** A client whose change is one message. */
const changing = (client: WsClient, message: (streamId: string) => string): Client => ({
  change: (streamId) => client.send(message(streamId)),
  end: () => client.end(),
});

const gateway: Dialect = {
  async player({ wsPort }, { userId, sessionId, attributes }) {
    const hello = JSON.stringify({ type: 'hello', userId, sessionId, ...attributes });
    const client = await converse(wsPort, '/ws', hello, settledBy('"type":"welcome"', '"concurrency_limit"'));
    return client && changing(client, (streamId) => JSON.stringify({ type: 'update', streamId }));
  },
  watcher: ({ wsPort }, told) =>
    converse(
      wsPort,
      '/ws',
      '{"type":"hello","observe":true}',
      (text, client) => {
        if (text.includes('"type":"welcome"')) client.send('{"type":"subscribe","topic":"all"}');
        return text.includes('"last":true') ? 'in' : undefined;
      },
      told,
    ),
  mark: '"kind":',
  streams: (payload) => {
    const { changes = [] } = JSON.parse(payload.toString()) as { changes?: { streamId: string }[] };
    return changes.map(({ streamId }) => streamId);
  },
};

const tutorial: Dialect = {
  ...plain,
  beatEveryMs: HEARTBEAT_MS,
  async player({ wsPort }, { userId, sessionId }) {
    const hello = JSON.stringify({ type: 'hello', userId, sessionId });
    const client = await converse(wsPort, '/', hello, settledBy('"welcome"', '"refused"'));
    if (!client) return undefined;
    const beat = (): void => client.send('{"type":"beat"}');
    return { ...changing(client, (streamId) => JSON.stringify({ type: 'update', streamId })), beat };
  },
  watcher: ({ wsPort }, told) => converse(wsPort, '/', '{"type":"watch"}', settledBy('"watching"', '\n'), told),
};

const ENGINE_IO = '/socket.io/?EIO=4&transport=websocket';

/** Opens, joins the root namespace with `auth`, and answers pings from then on. */
function socketIo(port: number, auth: object, told?: (payload: Buffer) => void): Promise<WsClient | undefined> {
  const step = (text: string, client: WsClient): 'in' | 'refused' | undefined => {
    if (text.startsWith('0')) client.send(`40${JSON.stringify(auth)}`);
    if (text.startsWith('40')) return 'in';
    return text.startsWith('44') ? 'refused' : undefined;
  };
  return converse(port, ENGINE_IO, undefined, step, (payload, client) => {
    if (payload.length === 1) setTimeout(() => client.send('3'), Math.random() * REPLY_SPREAD_MS);
    else told?.(payload);
  });
}

const socketio: Dialect = {
  ...plain,
  async player({ wsPort }, { userId, sessionId }) {
    const client = await socketIo(wsPort, { userId, sessionId });
    return client && changing(client, (streamId) => `42${JSON.stringify(['update', { streamId }])}`);
  },
  watcher: ({ wsPort }, told) => socketIo(wsPort, { isWatcher: true }, told),
};

const nchan: Dialect = {
  ...plain,
  async player({ wsPort }, { userId, sessionId }) {
    const client = await WsClient.open(wsPort, `/player?user=${userId}`);
    return client && changing(client, (streamId) => JSON.stringify({ kind: 'update', userId, sessionId, streamId }));
  },
  async watcher({ wsPort }, told) {
    const client = await WsClient.open(wsPort, '/watch');
    if (client) client.onText = told;
    return client;
  },
};

const mqtt: Dialect = {
  ...plain,
  beatEveryMs: MQTT_KEEP_ALIVE_S * 1_000,
  async player({ wsPort }, { userId, sessionId, attributes }) {
    const topic = `presence/${userId}/${sessionId}`;
    const payload = (streamId: string | undefined): string => JSON.stringify({ kind: 'online', streamId });
    const packets = [
      connectPacket(sessionId, MQTT_KEEP_ALIVE_S, topic),
      publishOncePacket(topic, payload(attributes.streamId)),
    ];
    const client = await MqttClient.open(wsPort, packets, () => {});
    return (
      client && {
        change: (streamId) => client.publish(topic, payload(streamId)),
        beat: () => client.ping(),
        end: () => client.end(),
      }
    );
  },
  watcher: ({ wsPort }, told) =>
    MqttClient.open(wsPort, [connectPacket(`watcher-${Math.random()}`, 0), subscribePacket('presence/#')], told),
};

const hmac = (text: string): string => createHmac('sha256', SOKETI.secret).update(text).digest('hex');

/** A request to the HTTP API of Pusher's protocol, signed. @param query beside what the signature needs. */
export function pusherRequest(method: string, path: string, body?: object, query: Record<string, string> = {}): string {
  const text = body ? JSON.stringify(body) : '';
  const all: Record<string, string> = {
    auth_key: SOKETI.key,
    auth_timestamp: String(Math.floor(Date.now() / 1_000)),
    auth_version: '1.0',
    ...(body && { body_md5: createHash('md5').update(text).digest('hex') }),
    ...query,
  };
  const sorted = Object.keys(all)
    .sort()
    .map((name) => `${name}=${all[name]}`)
    .join('&');
  const signature = hmac(`${method}\n/apps/${SOKETI.id}${path}\n${sorted}`);
  return request(method, `/apps/${SOKETI.id}${path}?${sorted}&auth_signature=${signature}`, body);
}

const soketi: Dialect = {
  ...plain,
  beatEveryMs: SOKETI_ACTIVITY_MS,
  async player(target, { userId, sessionId }) {
    const channel = `presence-user-${userId}`;
    const step = (text: string, client: WsClient): 'in' | 'refused' | undefined => {
      const { event, data } = JSON.parse(text) as { event: string; data: string };
      if (event === 'pusher:connection_established') {
        const member = JSON.stringify({ user_id: sessionId });
        const auth = `${SOKETI.key}:${hmac(`${JSON.parse(data).socket_id}:${channel}:${member}`)}`;
        client.send(JSON.stringify({ event: 'pusher:subscribe', data: { channel, auth, channel_data: member } }));
      }
      if (event === 'pusher_internal:subscription_succeeded') return 'in';
      return event === 'pusher:subscription_error' ? 'refused' : undefined;
    };
    const client = await converse(target.wsPort, `/app/${SOKETI.key}?protocol=7`, undefined, step);
    const changeBody = (streamId: string): object => ({
      name: 'update',
      channel: 'changes',
      data: JSON.stringify({ userId, sessionId, streamId }),
    });
    return (
      client && {
        change: (streamId) => target.pool().post(pusherRequest('POST', '/events', changeBody(streamId))),
        beat: () => client.send('{"event":"pusher:ping","data":{}}'),
        end: () => client.end(),
      }
    );
  },
  watcher: ({ wsPort }, told) => {
    const step = (text: string, client: WsClient): 'in' | undefined => {
      const { event } = JSON.parse(text) as { event: string };
      if (event === 'pusher:connection_established') {
        client.send('{"event":"pusher:subscribe","data":{"channel":"changes"}}');
      }
      return event === 'pusher_internal:subscription_succeeded' ? 'in' : undefined;
    };
    return converse(wsPort, `/app/${SOKETI.key}?protocol=7`, undefined, step, told);
  },
};

const heartbeat: Dialect = {
  ...plain,
  beatEveryMs: HEARTBEAT_MS,
  async player(target, { userId, sessionId, attributes }) {
    const text = request('POST', '/heartbeat', { userId, sessionId, ...attributes });
    const { status } = await target.pool().send(text);
    if (status === 400) return undefined;
    if (status !== 200) throw new Error(`answered ${status}`);
    return { beat: () => target.pool().post(text), end: () => {} };
  },
};

export const DIALECTS = { gateway, tutorial, socketio, nchan, mqtt, soketi, heartbeat } satisfies Record<
  string,
  Dialect
>;
export type DialectName = keyof typeof DIALECTS;
