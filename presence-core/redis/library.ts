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

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

/** A verb as its file has it. */
interface Source {
  readonly name: string;
  readonly flags: readonly string[];
  readonly text: string;
}

const sources = new Map<Verb, Source>(
  VERBS.map((verb) => {
    const text = source(verb);
    const flags = (SHEBANG.exec(text)?.[1] ?? '').split(',').filter(Boolean);
    return [verb, { name: nameIn(verb), flags, text: text.replace(SHEBANG, '') }];
  }),
);

/** A verb's file is a function that makes the verb, so that its names are its own. */
function making({ name, flags, text }: Source): string {
  const list = flags.map((flag) => `'${flag}'`).join(', ');
  return `verb('${name}', { ${list} }, (function()\n${text}\nend)())\n`;
}

const body = [
  ...Object.entries(COMMON).map(([name, value]) => `local ${name} = ${value}\n`),
  ...PARTS.map((part) => source(`parts/${part}`)),
  ...Array.from(sources.values(), making),
]
  .join('\n')
  .replace(UNREAD, '');

/** Its name. */
export const LIBRARY = `presence_${sha1(body).slice(0, 16)}`;

/** For FUNCTION LOAD. */
export const LIBRARY_CODE = `#!lua name=${LIBRARY}\nlocal LIBRARY, SCRIPT = '${LIBRARY}', nil\n${body}`;

const functions = new Map(Array.from(sources, ([verb, { name }]) => [verb, `${LIBRARY}_${name}`]));

/** For FCALL. */
export function functionOf(verb: Verb): string {
  return functions.get(verb) as string;
}

/** Runs any verb with the same flags: the last argument is its name. */
interface Script {
  readonly sha: string;
  readonly code: string;
}

/** By their flags; made for those servers only that take no library. */
const scripts = new Map<string, Script>();

function scriptWith(flags: string): Script {
  let script = scripts.get(flags);
  if (!script) {
    const head = `#!lua flags=${flags}\nlocal LIBRARY, SCRIPT\nSCRIPT = { name = table.remove(ARGV), keys = KEYS, args = ARGV }\n`;
    const code = `${head}${body}\nreturn SCRIPT.run(SCRIPT.keys, SCRIPT.args)\n`;
    script = { sha: sha1(code), code };
    scripts.set(flags, script);
  }
  return script;
}

/** For EVALSHA: the script, and the verb's name to it. */
export function scriptOf(verb: Verb): { readonly sha: string; readonly name: string } {
  const { name, flags } = sources.get(verb) as Source;
  return { sha: scriptWith(flags.join()).sha, name };
}

/** For SCRIPT LOAD. */
export function allScripts(): readonly Script[] {
  return [...new Set(Array.from(sources.values(), ({ flags }) => flags.join()))].map(scriptWith);
}
