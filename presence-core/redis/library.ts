/**
 * The Lua verbs: one library of Redis functions, joined from the files in lua/. Redis reads it once and keeps it, also over
 * a restart and on replicas; a script would make its functions anew at each call. A server that does not know it is given
 * it when that shows. Its name holds a digest of its text, so processes of two versions use one server side by side.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Cluster, Redis } from 'ioredis';
import { CLOCK_SLACK_MS, NUMBERS_PER_MS } from '../connection-numbers.ts';
import type { RedisClient } from './connection.ts';
import { BUCKETS } from './keys.ts';
import { isLibraryMissing } from './outage.ts';

/** What is fixed in a deployment; each call tells it, as a server may serve several. */
export interface DeploymentConstants {
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

/** Files in lua/parts/, in this order: what a part needs stands before it. */
const PARTS = [
  'prelude',
  'silence',
  'leases',
  'homes',
  'node-lease',
  'tombstones',
  'rows',
  'watched',
  'counts',
  'log',
  'members',
  'find-owned',
  'attributes',
  'former',
  'renew-session',
  'admit-session',
  'mend-user',
  'recount-turn',
  'sweep-budget',
  'sweep-step',
  'sweep-lost',
  'sweep-due',
  'snapshot-page',
] as const;

/** Files in lua/, each a function that runs one verb. */
const VERBS = [
  'open',
  'heartbeat',
  'renew',
  'update',
  'close',
  'kick',
  'detach',
  'join',
  'beat',
  'quit',
  'sweep',
  'recount',
  'mend',
  'status',
  'sessions',
  'counts',
  'snapshot',
  'snapshot-user',
  'watch',
  'take',
  'prune',
  'mark',
  'notify',
  'report',
  'follow',
] as const;

export type Verb = (typeof VERBS)[number];

/** First line of a verb's file; flags as FUNCTION LOAD has them. */
const SHEBANG = /^#!lua(?: flags=(\S+))?\n/;
/** Lines that are only a comment, and what lines are indented by. */
const UNREAD = /^\s*(?:--.*\n)?/gm;

function source(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
}

/** A verb's file is a function that makes the verb, so that its names are its own. */
function verbSource(verb: Verb): string {
  const text = source(verb);
  const flags = (SHEBANG.exec(text)?.[1] ?? '').split(',').filter(Boolean);
  const list = flags.map((flag) => `'${flag}'`).join(', ');
  return `verb('${nameIn(verb)}', { ${list} }, (function()\n${text.replace(SHEBANG, '')}\nend)())\n`;
}

/** Names of functions have no hyphens. */
function nameIn(verb: Verb): string {
  return verb.replaceAll('-', '_');
}

function makeLibrary(): { readonly name: string; readonly code: string } {
  const common = Object.entries(COMMON).map(([name, value]) => `local ${name} = ${value}\n`);
  const files = [...PARTS.map((part) => source(`parts/${part}`)), ...VERBS.map(verbSource)];
  const body = [...common, ...files].join('\n').replace(UNREAD, '');
  const name = `presence_${createHash('sha256').update(body).digest('hex').slice(0, 16)}`;
  return { name, code: `#!lua name=${name}\nlocal LIBRARY = '${name}'\n${body}` };
}

const library = makeLibrary();

interface Defined {
  readonly constants: string;
  /** While servers are given the library. */
  loading: Promise<void> | undefined;
}

const defined = new WeakMap<RedisClient, Defined>();

/** Says which deployment the calls on a client belong to. */
export function defineVerbs(client: RedisClient, constants: DeploymentConstants): void {
  const lines = Object.entries(constants).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`));
  defined.set(client, { constants: lines.join('\n'), loading: undefined });
}

/**
 * Gives each server that takes writes the library.
 * @param isAgain also one that has it.
 * @throws what the server answers, if none of them has it then.
 */
export async function loadLibrary(client: RedisClient, isAgain = false): Promise<void> {
  const servers = client.isCluster ? (client as Cluster).nodes('master') : [client as Redis];
  const how = isAgain ? ['LOAD', 'REPLACE'] : ['LOAD'];
  const loads = await Promise.allSettled(
    servers.map((server) =>
      server.call('FUNCTION', ...how, library.code).catch((error: Error) => {
        // Another process was quicker.
        if (!error.message.includes('already exists')) throw error;
      }),
    ),
  );
  const failed = loads.find((load) => load.status === 'rejected');
  if (failed && loads.every((load) => load.status === 'rejected')) throw failed.reason;
}

/** What every call tells of the process that makes it. */
export interface Speaker {
  /** The node generation that it joined under last and has not given up; '' none (P9). */
  nodeId: string;
  /** The newest epoch of any shard by its last beat; 0 none (P10). */
  epoch: number;
}

export const NOBODY: Readonly<Speaker> = { nodeId: '', epoch: 0 };

/** Calls a verb, on a client that `defineVerbs` was told of. */
export async function runVerb(
  client: RedisClient,
  verb: Verb,
  keys: readonly string[],
  args: readonly string[],
  { nodeId, epoch } = NOBODY,
): Promise<unknown> {
  const deployment = defined.get(client) as Defined;
  const call = (): Promise<unknown> =>
    client.fcall(
      `${library.name}_${nameIn(verb)}`,
      keys.length,
      ...keys,
      ...args,
      nodeId,
      String(epoch),
      deployment.constants,
    );
  // Else it would be carried out before what waits for the library.
  if (deployment.loading) await deployment.loading.catch(() => {});
  try {
    return await call();
  } catch (error) {
    // Nothing of it was run.
    if (!isLibraryMissing(error)) throw error;
  }
  deployment.loading ??= loadLibrary(client).finally(() => {
    deployment.loading = undefined;
  });
  await deployment.loading;
  return call();
}
