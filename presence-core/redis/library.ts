/**
 * The text of the Lua verbs: one library of Redis functions, joined from the files in lua/. Redis reads it once and keeps
 * it, also over a restart and on replicas; a script makes its functions anew at each call. Its name holds a digest of its
 * text, so processes of two versions use one server side by side. Where a server takes no library the same text is run as
 * a script.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CLOCK_SLACK_MS, NUMBERS_PER_MS } from '../connection-numbers.ts';
import { BUCKETS } from './keys.ts';

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

/** Names of functions have no hyphens. */
function nameIn(verb: Verb): string {
  return verb.replaceAll('-', '_');
}

/** A verb's file is a function that makes the verb, so that its names are its own. */
function verbSource(verb: Verb, text: string): string {
  const list = flagsIn(text).map((flag) => `'${flag}'`);
  return `verb('${nameIn(verb)}', { ${list.join(', ')} }, (function()\n${text.replace(SHEBANG, '')}\nend)())\n`;
}

function flagsIn(text: string): string[] {
  return (SHEBANG.exec(text)?.[1] ?? '').split(',').filter(Boolean);
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

const texts = VERBS.map((verb) => [verb, source(verb)] as const);

const body = [
  ...Object.entries(COMMON).map(([name, value]) => `local ${name} = ${value}\n`),
  ...PARTS.map((part) => source(`parts/${part}`)),
  ...texts.map(([verb, text]) => verbSource(verb, text)),
]
  .join('\n')
  .replace(UNREAD, '');

export const LIBRARY = `presence_${sha1(body).slice(0, 16)}`;

/** For FUNCTION LOAD. */
export const LIBRARY_CODE = `#!lua name=${LIBRARY}\nlocal LIBRARY, SCRIPT = '${LIBRARY}', nil\n${body}`;

export interface Script {
  readonly sha: string;
  readonly code: string;
}

/** What runs any verb with these flags: the last argument is its name. */
function scriptWith(flags: readonly string[]): Script {
  const head = `#!lua flags=${flags.join(',')}\nlocal LIBRARY, SCRIPT\nSCRIPT = { name = table.remove(ARGV), keys = KEYS, args = ARGV }\n`;
  const code = `${head}${body}\nreturn SCRIPT.run(SCRIPT.keys, SCRIPT.args)\n`;
  return { sha: sha1(code), code };
}

/** How a verb is called. */
export interface Callable {
  /** Its function. */
  readonly name: string;
  /** Its name to its script. */
  readonly verb: string;
  readonly script: Script;
}

const scripts = new Map<string, Script>();

const callables = new Map(
  texts.map(([verb, text]) => {
    const flags = flagsIn(text);
    const script = scripts.get(flags.join()) ?? scriptWith(flags);
    scripts.set(flags.join(), script);
    return [verb, { name: `${LIBRARY}_${nameIn(verb)}`, verb: nameIn(verb), script }];
  }),
);

export function callableOf(verb: Verb): Callable {
  return callables.get(verb) as Callable;
}

/** For SCRIPT LOAD. */
export const SCRIPTS: readonly Script[] = [...scripts.values()];
