/** A server that has too much in flight: it says so, and lets nobody in unchecked for it (P14, W17). */
import { afterEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { createAuthenticator } from '../../gateway/auth/create-authenticator.ts';
import { loadConfig } from '../../gateway/config/config.ts';
import { LogFeed } from '../../gateway/node/log-feed.ts';
import { GatewayNode } from '../../gateway/node/node.ts';
import { createReads } from '../../gateway/replica/reads.ts';
import { Gateway } from '../../gateway/sessions/gateway.ts';
import { selectTransport } from '../../gateway/transport/select.ts';
import { MemoryStore, StoreError } from '../../presence-core/index.ts';
import { Player } from '../support/player.ts';

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

test('[W17] a hello that the server cannot take in is refused also under policy open; who plays, plays on', async () => {
  const config = loadConfig({ OUTAGE_POLICY: 'open' }, []);
  const log = pino({ level: 'silent' });
  const store = new MemoryStore();
  const { open, update, detach } = store.sessions;
  const { nodeBeatMs: beatMs, nodeLeaseMs: leaseMs } = config;
  const node = new GatewayNode({ ...config, store, log, beatMs, leaseMs });
  const gateway = new Gateway({
    ...config,
    store,
    feed: new LogFeed(store, log),
    reads: createReads(store.reads, undefined),
    node,
    log,
    authenticator: createAuthenticator(config),
    createTransport: (await selectTransport('ws', log)).create,
  });
  const port = await gateway.listen('127.0.0.1', 0);
  ended.push(() => gateway.drain(0));
  await node.start();
  ended.push(() => node.stop());
  const [playing] = await Player.hello(port, { userId: 'u', streamId: 'tnt' });

  const full = () => Promise.reject(new StoreError('overloaded', 'too many commands in flight'));
  const detached: unknown[] = [];
  Object.assign(store.sessions, {
    open: full,
    update: full,
    detach: (refs: readonly unknown[]) => Promise.resolve(void detached.push(...refs)),
  });
  const [refused, error] = await Player.hello(port, { userId: 'v', streamId: 'tnt' });
  expect(error).toMatchObject({ type: 'error', problem: { code: 'overloaded', status: 503 } });
  expect(await refused.closed).toBe(4100);
  expect(await playing.ask({ type: 'update', streamId: 'espn' })).toMatchObject({
    type: 'error',
    problem: { code: 'overloaded' },
  });
  Object.assign(store.sessions, { open, update, detach });
  expect(await playing.ask({ type: 'update', streamId: 'espn' })).toMatchObject({ type: 'ok' });
  // The store was never asked, so there is nothing to be given up.
  expect(detached).toEqual([]);
});
