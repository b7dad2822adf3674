/** OPERATIONS.md: its commands run, its lists are complete, and it has an entry for each alert. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { agreedSettings } from '../../gateway/config/agreed.ts';
import { loadConfig } from '../../gateway/config/config.ts';
import { startRedis } from '../support/redis-server.ts';
import { startTestServer } from '../support/servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEPLOY = join(ROOT, 'gateway/deploy');
const page = readFileSync(join(DEPLOY, 'OPERATIONS.md'), 'utf8');
const blocks = [...page.matchAll(/^([^\n]*)\n```sh\n(.*?)^```$/gms)].map(([, marker = '', commands = '']) => ({
  marker,
  commands,
}));

test('each block of commands says whether it is run, or why not', () => {
  expect(blocks.length).toBeGreaterThan(8);
  for (const { marker } of blocks) expect(marker).toMatch(/^<!-- (run|not run: .+) -->$/);
});

test('the commands that are run succeed', async () => {
  const redis = await startRedis();
  const env = { REDIS_URL: redis.url, PRESENCE_SHARDS: '2', DATABASE_URL: 'none' };
  const server = await startTestServer(env);
  try {
    const told: string[] = [];
    for (const { commands } of blocks.filter(({ marker }) => marker === '<!-- run -->')) {
      const script = commands
        .replaceAll('-p 6379', `-p ${redis.port}`)
        .replaceAll('127.0.0.1:8081', `127.0.0.1:${server.httpPort}`);
      const options = { cwd: ROOT, env: { PATH: process.env.PATH, ...env } };
      const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], options);
      // Of Redis, which has no exit code for what it refuses.
      expect(stdout).not.toMatch(/^(ERR|NOPERM|\(error\))/m);
      told.push(stdout);
    }
    const all = told.join('\n');
    expect(all).toContain('ok       Redis: 7.');
    expect(all).toContain('presence_degraded 0');
    expect(all).toMatch(/^{"status":"ok"/m);
    const entry = /^billing:read:[0-9a-f]{64}$/m.exec(all)?.[0] as string;
    const keyed = { AUTH: 'jwt', JWT_SECRET: 'a secret of more than 32 characters', API_KEYS: entry };
    expect(loadConfig(keyed, []).apiKeys).toEqual([entry]);
  } finally {
    await server.stop(0);
    await redis.stop();
  }
});

test('names the settings that are compared at start, and no other', () => {
  const [, list = ''] = /^(`MAX_STREAMS` .*)$/m.exec(page) ?? [];
  expect(list.replaceAll('`', '').split(' ')).toEqual(Object.keys(agreedSettings(loadConfig({}, []))));
});

test('each alert has an entry, and each entry an alert', () => {
  const { groups } = parse(readFileSync(join(DEPLOY, 'prometheus/alerts.yaml'), 'utf8')) as {
    groups: { rules: { alert: string; annotations: { runbook: string } }[] }[];
  };
  const alerts = groups.flatMap(({ rules }) => rules);
  const entries = [...page.matchAll(/^### (Presence\w+)\n\n.+\n\n- \*\*Look at\*\*: .+\n- \*\*Do\*\*: .+$/gm)].map(
    ([, name]) => name,
  );
  expect(entries).toEqual(alerts.map(({ alert }) => alert));
  for (const { alert, annotations } of alerts) {
    expect(annotations.runbook).toBe(`OPERATIONS.md#${alert.toLowerCase()}`);
  }
});

test('names only settings that exist', () => {
  const known = new Set(Object.keys(loadConfig({}, [])).map((name) => name.replace(/[A-Z]/g, '_$&').toUpperCase()));
  const ofOthers = /^(SIGTERM|SIGKILL|SELECT|GET|PUT|POST|DELETE|OPERATIONS|ACL|INFO|SLOWLOG|CONFIG GET)/;
  const named = [...page.matchAll(/`([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g)].map(([, name]) => name as string);
  expect(named.filter((name) => !known.has(name) && !ofOthers.test(name))).toEqual([]);
});
