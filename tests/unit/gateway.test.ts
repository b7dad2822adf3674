/** A gateway whose clock, sockets and authenticator the test moves by hand. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Authentication, Authenticator } from '../../gateway/auth/authenticator.ts';
import { SCOPES } from '../../gateway/auth/identity.ts';
import { loadConfig } from '../../gateway/config/config.ts';
import { LogFeed } from '../../gateway/node/log-feed.ts';
import { GatewayNode } from '../../gateway/node/node.ts';
import { createReads } from '../../gateway/replica/reads.ts';
import { Gateway } from '../../gateway/sessions/gateway.ts';
import { MemoryStore } from '../../presence-core/index.ts';
import { type HandConnection, HandTransport } from '../support/hand-transport.ts';

const LIFE_MS = 100_000;

/** Answers of the authenticator that are still due, oldest first. */
let checks: ((authentication: Authentication) => void)[];
let transport: HandTransport;
let gateway: Gateway;

beforeEach(async () => {
  jest.useFakeTimers({ now: 1_700_000_000_000 });
  checks = [];
  transport = new HandTransport();
  const authenticator: Authenticator = {
    required: true,
    authenticate: () => new Promise((resolve) => checks.push(resolve)),
  };
  const config = loadConfig({}, []);
  const store = new MemoryStore();
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const { nodeBeatMs: beatMs, nodeLeaseMs: leaseMs, sweepMs, sessionLeaseMs, resumeGraceMs } = config;
  gateway = new Gateway({
    ...config,
    store,
    feed: new LogFeed(store, log),
    reads: createReads(store.reads, undefined),
    node: new GatewayNode({ store, log, beatMs, leaseMs, sweepMs, sessionLeaseMs, resumeGraceMs }),
    log,
    authenticator,
    createTransport: transport.create,
  });
  await gateway.listen('127.0.0.1', 0);
});
afterEach(async () => {
  const drained = gateway.drain(0);
  await jest.advanceTimersByTimeAsync(0);
  await drained;
  jest.useRealTimers();
});

const known = (lifeMs = LIFE_MS): Authentication => ({
  outcome: 'known',
  identity: { userId: 'u', scopes: SCOPES.read, expiresAt: Date.now() + lifeMs },
});
const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
const typesOf = ({ sent }: HandConnection): string[] => sent.map(({ type }) => type);

async function observer(): Promise<HandConnection> {
  const connection = transport.open();
  connection.send({ type: 'hello', observe: true, token: 'first' });
  checks.shift()?.(known());
  await pass(0);
  expect(typesOf(connection)).toEqual(['welcome']);
  return connection;
}

test('[W6] a hello must come in time; however late its answer is, it is no hello that is late', async () => {
  const [greeting, silent] = [transport.open(), transport.open()];
  await pass(4_000);
  greeting.send({ type: 'hello', observe: true, token: 'slow to check' });
  await pass(60_000);
  expect(silent.closedBy).toBe(4008);
  expect(greeting.closedBy).toBeUndefined();
  checks.shift()?.(known());
  await pass(0);
  expect(typesOf(greeting)).toEqual(['welcome']);
});

describe('[W22] a drain', () => {
  const DRAIN_MS = 10_000;

  test('spreads its closes over the window, each at the instant that its client was told', async () => {
    const connections = Array.from({ length: 200 }, () => transport.open());
    const begunAt = Date.now();
    const closedAt = new Map<HandConnection, number>();
    const drained = gateway.drain(DRAIN_MS).then(() => Date.now() - begunAt);
    for (let atMs = 0; atMs <= DRAIN_MS; atMs += 100) {
      for (const each of connections) if (each.closedBy !== undefined && !closedAt.has(each)) closedAt.set(each, atMs);
      await pass(100);
    }
    const tenths = new Set<number>();
    for (const connection of connections) {
      expect(typesOf(connection)).toEqual(['drain']);
      expect(connection.closedBy).toBe(1001);
      const delayMs = connection.sent[0]?.reconnectInMs as number;
      expect(Math.abs((closedAt.get(connection) ?? 0) - delayMs)).toBeLessThanOrEqual(100);
      tenths.add(Math.floor((delayMs / DRAIN_MS) * 10));
    }
    // Of 200 at random one tenth stays empty in one of 140 million runs.
    expect([...tenths].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await drained).toBeLessThanOrEqual(DRAIN_MS);
  });

  test('refuses new connections, and lets the others work until their close', async () => {
    const connection = await observer();
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    const drained = gateway.drain(DRAIN_MS);
    jest.restoreAllMocks();
    expect(transport.upgrade()).toBe(503);
    await pass(DRAIN_MS / 2 - 1);
    connection.send({ type: 'unsubscribe', id: 'a', topic: 'all' });
    await pass(0);
    expect(typesOf(connection)).toEqual(['welcome', 'drain', 'ok']);
    expect(connection.closedBy).toBeUndefined();
    await pass(1);
    expect(connection.closedBy).toBe(1001);
    await drained;
  });
});

describe('[W20] a refresh', () => {
  test('moves the end of the token', async () => {
    const connection = await observer();
    connection.send({ type: 'refresh', id: 'r', token: 'second' });
    checks.shift()?.(known(3 * LIFE_MS));
    await pass(2 * LIFE_MS);
    expect(typesOf(connection)).toEqual(['welcome', 'ok']);
    await pass(LIFE_MS + 250);
    expect(typesOf(connection)).toEqual(['welcome', 'ok', 'token_expiring']);
    expect(connection.closedBy).toBe(4202);
  });

  test('whose answer comes after the socket was closed does nothing', async () => {
    const connection = await observer();
    connection.send({ type: 'refresh', id: 'r', token: 'second' });
    connection.cut();
    checks.shift()?.(known());
    await pass(2 * LIFE_MS);
    expect(typesOf(connection)).toEqual(['welcome']);
    expect(connection.closedBy).toBeUndefined();
  });

  test.each<Authentication>([
    { outcome: 'unknown', detail: 'bad' },
    { outcome: 'known', identity: { userId: 'another', scopes: SCOPES.read } },
  ])('that is refused after the socket was closed says nothing', async (authentication) => {
    const connection = await observer();
    connection.send({ type: 'refresh', id: 'r', token: 'second' });
    connection.cut();
    checks.shift()?.(authentication);
    await pass(0);
    expect(typesOf(connection)).toEqual(['welcome']);
    expect(connection.closedBy).toBeUndefined();
  });

  test('that waits behind another message is dropped when the socket closes', async () => {
    const connection = await observer();
    for (const id of ['a', 'b']) connection.send({ type: 'refresh', id, token: id });
    expect(checks).toHaveLength(1);
    connection.cut();
    connection.send({ type: 'refresh', id: 'c', token: 'c' });
    checks.shift()?.(known());
    await pass(0);
    expect(checks).toHaveLength(0);
  });
});

test('a hello whose token is checked after the socket was closed does nothing', async () => {
  const connection = transport.open();
  connection.send({ type: 'hello', observe: true, token: 'first' });
  connection.cut();
  checks.shift()?.(known());
  await pass(2 * LIFE_MS);
  expect([connection.sent, connection.closedBy]).toEqual([[], undefined]);
});
