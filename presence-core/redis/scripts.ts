/** The Lua verbs, each a file in lua/, joined with the parts that stand before it. */
import { readFileSync } from 'node:fs';
import { CLOCK_SLACK_MS, NUMBERS_PER_MS } from '../connection-numbers.ts';
import type { RedisClient } from './connection.ts';
import { BUCKETS } from './keys.ts';

/** Constants of a deployment, written into the scripts. */
export interface ScriptConstants {
  /** Key prefix of the shard that is the home of all node leases; undefined on a Cluster, where each shard is its own. */
  readonly HOME: string | undefined;
  /** Sessions whose lease ends within this time are looked at one by one when it does, others bucket by bucket. */
  readonly SHORT_MS: number;
  readonly LOG_MAX: number;
  readonly TOMB_MS: number;
  readonly LEFT_TOMB_MS: number;
  readonly SEEN_TTL_MS: number;
  readonly SEEN_MAX: number;
  readonly STALL_GRACE_MS: number;
  readonly LEASE_MAX_MS: number;
  readonly RECOUNT_MS: number;
  readonly SHARDS: number;
}

/** The same in every deployment. */
const COMMON = { CLOCK_SLACK_MS, NUMBERS_PER_MS, BUCKETS };

/** What tells whether a lease runs. */
const READS = ['prelude', 'silence'];
/** What judges leases, and sets them. */
const LEASES = [...READS, 'leases', 'tombstones'];
/** What ends sessions, each with its counts and its log entry. */
const MEMBERS = ['rows', 'watched', 'counts', 'log', 'members'];
const OWNED = [...LEASES, ...MEMBERS, 'find-owned'];
const NODES = [...READS, 'leases', 'homes', 'node-lease'];
const SWEEP = ['homes', 'sweep-budget', 'sweep-step', 'sweep-lost', 'sweep-due', 'recount-turn'];

/** The parts that stand before each verb, in this order: files in lua/parts/. */
const PARTS = {
  open: [...LEASES, ...MEMBERS, 'attributes', 'former', 'renew-session', 'admit-session'],
  heartbeat: [...LEASES, 'renew-unchanged', ...MEMBERS],
  renew: LEASES,
  update: [...OWNED, 'attributes'],
  close: OWNED,
  kick: [...LEASES, ...MEMBERS],
  detach: OWNED,
  join: NODES,
  beat: NODES,
  quit: NODES,
  sweep: [...LEASES, ...MEMBERS, ...SWEEP],
  recount: [...LEASES, ...MEMBERS, 'mend-user', 'recount-turn'],
  mend: [...LEASES, ...MEMBERS, 'mend-user'],
  status: READS,
  sessions: READS,
  counts: ['prelude'],
  snapshot: [...READS, 'snapshot-page'],
  'snapshot-user': [...READS, 'snapshot-page'],
  watch: [...READS, 'watched', 'snapshot-page'],
  take: ['prelude'],
  prune: ['prelude'],
  mark: [],
  notify: [],
  report: [],
  follow: [],
} as const;

export type Verb = keyof typeof PARTS;

const SHEBANG = /^#!lua.*\n/;

function source(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
}

function luaLiteral(value: string | number | undefined): string {
  if (value === undefined) return 'nil';
  return typeof value === 'string' ? `'${value.replace(/[\\']/g, '\\$&')}'` : String(value);
}

/** Registers the verbs on a client; a script that the server has forgotten is sent again by ioredis. */
export function defineVerbs(client: RedisClient, constants: ScriptConstants): void {
  const header = Object.entries({ ...COMMON, ...constants })
    .map(([name, value]) => `local ${name} = ${luaLiteral(value)}\n`)
    .join('');
  for (const [verb, parts] of Object.entries(PARTS)) {
    const text = source(verb);
    const shebang = SHEBANG.exec(text)?.[0] ?? '';
    const body = [...parts.map((part) => source(`parts/${part}`)), text.replace(SHEBANG, '')].join('\n');
    client.defineCommand(`presence:${verb}`, { lua: shebang + header + body });
  }
}

type ScriptCall = (keys: number, ...keysAndArgs: string[]) => Promise<unknown>;

/** What every call tells of the process that makes it. */
export interface Speaker {
  /** The node generation that it joined under last and has not given up; '' none (P9). */
  nodeId: string;
  /** The newest epoch of any shard by its last beat; 0 none (P10). */
  epoch: number;
}

export const NOBODY: Readonly<Speaker> = { nodeId: '', epoch: 0 };

/** Calls a registered verb. */
export function runVerb(
  client: RedisClient,
  verb: Verb,
  keys: readonly string[],
  args: readonly string[],
  { nodeId, epoch } = NOBODY,
): Promise<unknown> {
  const call = (client as unknown as Record<string, ScriptCall>)[`presence:${verb}`] as ScriptCall;
  return call.call(client, keys.length, ...keys, ...args, nodeId, String(epoch));
}
