/** The Lua verbs, each a file in lua/, joined with what stands before them. */
import { readFileSync } from 'node:fs';
import type { RedisClient } from './connection.ts';

/** Constants of a deployment, written into the scripts as numbers. */
export interface ScriptConstants {
  readonly LOG_MAX: number;
  readonly TOMB_MS: number;
  readonly SEEN_TTL_MS: number;
  readonly SEEN_MAX: number;
  readonly STALL_GRACE_MS: number;
}

const READ = ['prelude'];
const WRITE = ['prelude', 'prelude-write'];
const ACT = ['prelude', 'prelude-write', 'act'];

/** What each verb is made of. */
const VERBS = {
  open: ['prelude', 'keep', 'prelude-write', 'open'],
  renew: [...READ, 'renew'],
  update: [...ACT, 'update'],
  close: [...ACT, 'close'],
  detach: [...ACT, 'detach'],
  beat: [...READ, 'beat'],
  sweep: [...WRITE, 'sweep'],
  status: [...READ, 'status'],
  sessions: [...READ, 'sessions'],
  count: [...READ, 'count'],
  snapshot: [...READ, 'snapshot'],
  take: [...READ, 'take'],
  tidy: [...READ, 'tidy'],
} as const;

export type Verb = keyof typeof VERBS;

const SHEBANG = /^#!lua.*\n/;

function source(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
}

/** Registers the verbs on a client; a script that the server has forgotten is sent again by ioredis. */
export function defineVerbs(client: RedisClient, constants: ScriptConstants): void {
  const header = Object.entries(constants)
    .map(([name, value]) => `local ${name} = ${value}\n`)
    .join('');
  for (const [verb, parts] of Object.entries(VERBS)) {
    const text = parts.map(source);
    const shebang = SHEBANG.exec(text.at(-1) as string)?.[0] ?? '';
    const body = text.map((part) => part.replace(SHEBANG, '')).join('\n');
    client.defineCommand(`presence:${verb}`, { lua: shebang + header + body });
  }
}

type ScriptCall = (keys: number, ...keysAndArgs: string[]) => Promise<unknown>;

/** Calls a registered verb. */
export function runVerb(
  client: RedisClient,
  verb: Verb,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  const call = (client as unknown as Record<string, ScriptCall>)[`presence:${verb}`] as ScriptCall;
  return call.call(client, keys.length, ...keys, ...args);
}
