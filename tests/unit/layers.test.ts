/** The layers are lint errors: for each folder a forbidden import is refused, and one that it needs is not. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const FORBIDDEN: readonly (readonly [folder: string, from: string])[] = [
  ['gateway/protocol', '../sessions/decode.ts'],
  ['gateway/protocol', 'jose'],
  ['gateway/client', '../sessions/decode.ts'],
  ['gateway/client', '../../presence-core/index.ts'],
  ['gateway/client', 'node:fs'],
  ['gateway/dashboard', '../sessions/decode.ts'],
  ['gateway/dashboard', '../client/presence-client.ts'],
  ['gateway/transport', '../sessions/connection.ts'],
  ['gateway/transport', '../../presence-core/index.ts'],
  ['gateway/sessions', 'ws'],
  ['gateway/sessions', '../../presence-core/redis/log.ts'],
  ['gateway/node', 'ioredis'],
  ['gateway/subscriptions', 'uWebSockets.js'],
  ['gateway/limits', '../../tests/support/player.ts'],
  ['gateway/config', 'kysely'],
  ['gateway/http/routes', 'mysql2'],
  ['gateway/http/server', '../../../bench/run.ts'],
  ['gateway/replica', 'ioredis'],
  ['gateway/history', 'better-sqlite3'],
  ['gateway/history/sql', 'ioredis'],
  ['gateway/metrics', 'ws'],
  ['presence-core', '../gateway/log.ts'],
  ['presence-core', 'typebox'],
  ['presence-core/store', '../memory/log.ts'],
  ['presence-core/memory', '../redis/log.ts'],
  ['presence-core/memory', 'ioredis'],
  ['presence-core/redis', '../memory/log.ts'],
  ['presence-core/redis', 'pino'],
  ['presence-core/toolkit', '../errors.ts'],
  ['bench/load', '../players.ts'],
  ['bench/load', '../../tests/support/player.ts'],
  ['bench/load', '../../presence-core/index.ts'],
  ['bench/load', '../../gateway/client/reconnection.ts'],
];
const ALLOWED: readonly (readonly [folder: string, from: string])[] = [
  ['gateway/client', '../protocol/messages.ts'],
  ['gateway/dashboard', '../client/index.ts'],
  ['gateway/transport', '../protocol/messages.ts'],
  ['gateway/transport', 'ws'],
  ['gateway/sessions', '../../presence-core/index.ts'],
  ['gateway/history/sql', 'kysely'],
  ['presence-core/redis', 'ioredis'],
  ['presence-core/memory', '../session.ts'],
  ['bench/load', '../../gateway/protocol/messages.ts'],
  ['bench/load', 'ws'],
];

const root = mkdtempSync(join(realpathSync(tmpdir()), 'presence-layers-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const fileOf = (index: number, folder: string): string => `${folder}/probe-${index}.ts`;

let refused: ReadonlySet<string>;
beforeAll(() => {
  cpSync('biome.json', join(root, 'biome.json'));
  for (const [i, [folder, from]] of [...FORBIDDEN, ...ALLOWED].entries()) {
    const file = join(root, fileOf(i, folder));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `import { probe } from '${from}';\n\nexport const used = probe;\n`);
  }
  const { stdout } = spawnSync(
    join(process.cwd(), 'node_modules/.bin/biome'),
    ['lint', '--reporter=github', '--max-diagnostics=none', '.'],
    { cwd: root, encoding: 'utf8' },
  );
  const lines = stdout.split('\n').filter((line) => line.includes('noRestrictedImports'));
  refused = new Set(lines.map((line) => relative(root, /file=([^,]+)/.exec(line)?.[1] ?? '')));
});

test.each(FORBIDDEN.map((probe, i) => [...probe, i] as const))('%s does not import %s', (folder, _, i) => {
  expect([...refused]).toContain(fileOf(i, folder));
});

test.each(ALLOWED.map((probe, i) => [...probe, FORBIDDEN.length + i] as const))('%s imports %s', (folder, _, i) => {
  expect([...refused]).not.toContain(fileOf(i, folder));
});
