/** What was watched, as the database tells it: whole servers over both stores, with SQLite. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { overBothStores } from '../support/both-stores.ts';
import { Player } from '../support/player.ts';
import { type TestServer, until } from '../support/servers.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function sqliteUrl(): string {
  const folder = mkdtempSync(join(tmpdir(), 'history-'));
  folders.push(folder);
  return `sqlite:${join(folder, 'presence.db')}`;
}

/** Waits until as many rows are there. */
async function rowsOf(server: TestServer, query: string, count: number) {
  let sessions: Record<string, unknown>[] = [];
  await until(async () => {
    const reply = await server.get(`/history/sessions?${query}`);
    sessions = reply.status === 200 ? reply.body.sessions : [];
    return sessions.length >= count;
  });
  return sessions;
}

overBothStores(({ kind, start, another }) => {
  test('ended sessions: a switch ends a row, a leave the next, with their true times', async () => {
    const server = await start({ DATABASE_URL: sqliteUrl() });
    const from = Date.now() - 1_000;
    const hello = {
      userId: 'ann',
      sessionId: 'tv',
      streamId: 'tnt',
      deviceType: 'android',
      country: 'US',
      state: 'CA',
    };
    const [player] = await Player.hello(server.wsPort, hello);
    // Less leaves no row.
    await sleep(1_010);
    player.send({ type: 'update', id: '1', streamId: 'espn' });
    await player.next('ok');
    player.send({ type: 'update', id: '2', streamId: 'abc' });
    await player.next('ok');
    player.send({ type: 'leave' });
    await player.closed;
    const [second, first] = await rowsOf(server, 'userId=ann', 2);
    const place = { userId: 'ann', sessionId: 'tv', deviceType: 'android', country: 'US', state: 'CA', via: 'socket' };
    expect(first).toMatchObject({ ...place, streamId: 'tnt', reason: 'switched' });
    expect(second).toMatchObject({ ...place, streamId: 'abc', reason: 'left' });
    expect(second?.startedAt).toBeGreaterThanOrEqual(Number(first?.endedAt));
    for (const row of [first, second]) {
      expect(row?.watchedMs).toBe(Number(row?.endedAt) - Number(row?.startedAt));
      expect(Number(row?.startedAt)).toBeGreaterThan(from);
    }
  });

  test('of every kind of session and every end', async () => {
    const server = await start({ DATABASE_URL: sqliteUrl(), HEARTBEAT_INTERVAL_MS: '100', HEARTBEAT_TTL_MS: '300' });
    const beat = (userId: string, sessionId: string) =>
      server.post('/heartbeat', { userId, sessionId, streamId: 'film' });
    await beat('silent', 's');
    await server.post('/heartbeat', { userId: 'marked' });
    await beat('kicked', 's');
    await server.request('DELETE', '/sessions/kicked');
    const guard = await server.request('POST', '/guards', { streamId: 'film' }, { 'x-user-id': 'guarded' });
    await server.request('DELETE', `/guards/${guard.body.guardId}`, undefined, { 'x-user-id': 'guarded' });
    await Player.hello(server.wsPort, { userId: 'replaced', sessionId: 'old', streamId: 'film' });
    const [player] = await Player.hello(server.wsPort, {
      userId: 'replaced',
      sessionId: 'new',
      streamId: 'film',
      replace: ['old'],
    });
    player.socket.terminate();
    const rows = await rowsOf(server, 'streamId=film&limit=500', 5);
    const told = rows.map(({ userId, sessionId, reason, via }) => [userId, sessionId, reason, via].join(' '));
    expect(told.sort()).toEqual([
      `guarded ${guard.body.guardId} left guard`,
      'kicked s kicked heartbeat',
      'replaced new timeout socket',
      'replaced old replaced socket',
      'silent s timeout heartbeat',
    ]);
  });

  test('pages follow each other, and a bad question is refused', async () => {
    const server = await start({ DATABASE_URL: sqliteUrl() });
    for (let n = 0; n < 5; n++) {
      await server.post('/heartbeat', { userId: 'ann', sessionId: `s${n}`, streamId: 'film' });
      await server.request('DELETE', '/heartbeat', { userId: 'ann', sessionId: `s${n}` });
    }
    await rowsOf(server, 'userId=ann', 5);
    const seen: unknown[] = [];
    let cursor = '';
    for (let pages = 1; ; pages++) {
      const { body } = await server.get(`/history/sessions?userId=ann&limit=2${cursor && `&cursor=${cursor}`}`);
      seen.push(...body.sessions.map(({ sessionId }: { sessionId: string }) => sessionId));
      cursor = body.cursor ?? '';
      if (cursor !== '') continue;
      expect(pages).toBe(3);
      break;
    }
    expect(seen).toEqual(['s4', 's3', 's2', 's1', 's0']);
    for (const query of [
      '',
      'limit=3',
      'userId=a%20b',
      'userId=ann&limit=0',
      'userId=ann&limit=501',
      'userId=ann&from=2&to=2',
      'userId=ann&cursor=none',
    ]) {
      const { status, body } = await server.get(`/history/sessions?${query}`);
      expect([query, status, body.code]).toEqual([query, 400, 'invalid_request']);
    }
    for (const query of ['stepMs=1', 'stepMs=90000', 'from=5&to=4', 'from=0&stepMs=60000']) {
      const { status, body } = await server.get(`/history/concurrency?${query}`);
      expect([query, status, body.code]).toEqual([query, 400, 'invalid_request']);
    }
  });

  test('what a stop leaves is there after the next start: rows, samples and hours', async () => {
    const env = { DATABASE_URL: sqliteUrl() };
    const server = await start(env);
    const at = Date.now();
    await server.post('/heartbeat', { userId: 'ann', sessionId: 's', streamId: 'film' });
    await server.post(`/analytics?timestamp=${at}&user=ann&event=click`);
    await until(async () => (await server.get('/online')).body.users === 1);
    // The peak is sampled once a second.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const before = await server.get(`/analytics?timestamp=${at}`);
    await server.stop(0);
    const next = await (kind === 'redis' ? another(env) : start(env));
    await until(async () => (await next.get(`/analytics?timestamp=${at}`)).status === 200);
    expect((await next.get(`/analytics?timestamp=${at}`)).body).toBe(before.body);
    await until(async () => (await next.get('/history/concurrency')).status === 200);
    const { body } = await next.get('/history/concurrency');
    expect(body.points.at(-1)).toMatchObject({ peakSessions: 1 });
    // With the embedded store its sessions end too; in Redis they live on.
    if (kind === 'memory') {
      expect(await rowsOf(next, 'userId=ann', 1)).toMatchObject([{ sessionId: 's', reason: 'node_lost' }]);
    }
    // Counters that begin anew add to what is kept, a user that comes again does not.
    await next.post(`/analytics?timestamp=${at}&user=ann&event=click`);
    await next.post(`/analytics?timestamp=${at}&user=bob&event=impression`);
    const hour = await next.request('GET', `/analytics?timestamp=${at}`, undefined, { accept: 'application/json' });
    expect(hour.body).toMatchObject({ uniqueUsers: 2, clicks: 2, impressions: 1 });
  });

  test('a database that is away changes nothing for players, and is told where it is asked', async () => {
    const server = await start({ DATABASE_URL: 'mysql://presence:secret@127.0.0.1:1/presence' });
    expect(await server.post('/heartbeat', { userId: 'ann', sessionId: 's', streamId: 'film' })).toMatchObject({
      status: 200,
    });
    await server.post(`/analytics?timestamp=${Date.now()}&user=ann&event=click`);
    expect(await server.get('/readyz')).toMatchObject({ status: 200 });
    const { status, headers, body } = await server.get('/history/sessions?userId=ann');
    expect([status, body.code]).toEqual([503, 'history_unavailable']);
    expect(await (await fetch(`http://127.0.0.1:${server.httpPort}/metrics`)).text()).toContain(
      '\npresence_history_up 0\n',
    );
    expect(headers.get('retry-after')).not.toBeNull();
    expect(JSON.stringify(body)).not.toContain('secret');
    // What the store counts itself is told without the database; what only that could know is not.
    expect((await server.get(`/analytics?timestamp=${Date.now()}`)).body).toBe(
      'unique_users,1\nclicks,1\nimpressions,0\n',
    );
    expect((await server.get(`/analytics?timestamp=${Date.now() - 200 * 3_600_000}`)).status).toBe(503);
  });

  test('a database that can never be opened is refused', async () => {
    const server = await start({ DATABASE_URL: 'sqlite:/dev/null/presence.db' });
    await expect(server.refused).rejects.toMatchObject({ code: 'history_misconfigured' });
  });

  test('whole steps end at the end that is asked for', async () => {
    const server = await start({ DATABASE_URL: sqliteUrl() });
    await until(async () => (await server.get('/history/concurrency')).status === 200);
    const midnight = Math.floor(Date.now() / 86_400_000) * 86_400_000;
    for (const query of [
      'stepMs=172800000',
      `stepMs=86400000&to=${midnight}`,
      `stepMs=3600000&to=${midnight}`,
      'to=1',
    ]) {
      expect([query, (await server.get(`/history/concurrency?${query}`)).status]).toEqual([query, 200]);
    }
  });

  test('without a database there is no history, and analytics are those of the store', async () => {
    const server = await start({ DATABASE_URL: 'none' });
    expect(await server.get('/history/sessions?userId=ann')).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    expect(await server.get('/history/concurrency')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    await server.post(`/analytics?timestamp=${Date.now()}&user=ann&event=click`);
    expect((await server.get(`/analytics?timestamp=${Date.now()}`)).body).toBe(
      'unique_users,1\nclicks,1\nimpressions,0\n',
    );
    expect((await server.get('/analytics?timestamp=3600000')).body).toBe('unique_users,0\nclicks,0\nimpressions,0\n');
  });

  // The embedded store is one process's.
  if (kind === 'memory') return;

  test('a process that only writes history carries what others did, and answers for its health and metrics alone', async () => {
    const env = { DATABASE_URL: sqliteUrl() };
    const sidecar = await start({ ...env, ROLES: 'gateway,sidecar' });
    await sidecar.post('/heartbeat', { userId: 'ann', sessionId: 's', streamId: 'film' });
    await sidecar.request('DELETE', '/heartbeat', { userId: 'ann', sessionId: 's' });
    const writer = await another({ ...env, ROLES: 'history' });
    expect(await rowsOf(sidecar, 'userId=ann', 1)).toMatchObject([{ sessionId: 's', reason: 'left' }]);
    const answer = async (path: string) => {
      const reply = await fetch(`http://127.0.0.1:${writer.httpPort}${path}`);
      return [reply.status, await reply.text()] as const;
    };
    expect((await answer('/readyz'))[0]).toBe(200);
    expect((await answer('/status/user/ann'))[0]).toBe(404);
    // Scrapes of one second share an answer.
    await until(async () => (await answer('/metrics'))[1].includes('presence_history_rows_total 1'));
  });
});
