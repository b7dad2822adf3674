/** Reads the command line. Throws UsageError, in words, for whatever cannot be understood or would not work. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { nearest } from '../../gateway/config/nearest.ts';
import { type Mix, readMix } from './mix.ts';
import { OPTIONS, type OptionName } from './option-table.ts';
import type { PlanOptions } from './plan.ts';
import { type Requirement, readRequirement } from './requirement.ts';
import { STORMS, type StormKind } from './storm.ts';
import { listedUsers, type TokenSource } from './tokens.ts';
import { type DashboardGroup, readDashboards } from './topics.ts';
import { durationMs, perSecond, size } from './units.ts';

export class UsageError extends Error {}

export interface LoadOptions extends PlanOptions {
  readonly url: string;
  readonly http?: string | undefined;
  readonly isInsecure: boolean;
  readonly localAddresses: readonly string[];
  readonly screens: readonly number[];
  readonly streams: number;
  readonly dashboards: readonly DashboardGroup[];
  readonly statusIds: number;
  readonly prefix: string;
  readonly timeoutMs: number;
  /** Undefined: as many as are needed. */
  readonly processes?: number | undefined;
  readonly tokens: TokenSource;
  readonly apiKey?: string | undefined;
}

export interface LoadCommand {
  readonly options: LoadOptions;
  readonly requirements: readonly Requirement[];
  readonly json?: string | undefined;
  readonly csv?: string | undefined;
  readonly prometheus?: string | undefined;
  readonly isQuiet: boolean;
  readonly isDryRun: boolean;
}

const SOCKET_MIX = 'switch=80,join=5,leave=5,drop=10';
const HTTP_MIX = `${SOCKET_MIX},beat=20,guard=5`;
/** By default each player acts as often. */
const ACT_EVERY_S = 20;
const HTTP_SHARE = 10;
const MAX_SEED = 2 ** 31;
const MAX_STATUS_IDS = 10_000;
const PREFIX = /^[A-Za-z0-9_.-]{1,64}$/;

type Values = Partial<Record<OptionName, string | boolean | string[]>>;
type Env = Readonly<Record<string, string | undefined>>;

/** @returns undefined when help is asked for. */
export function readCommand(
  argv: readonly string[],
  env: Env,
  random: () => number = Math.random,
): LoadCommand | undefined {
  const values = parse(argv);
  if (values.help) return undefined;
  const read = new Reader(values, env);
  const http = read.url('http', 'http:', 'https:');
  const url = read.url('url', 'ws:', 'wss:');
  if (url === undefined) throw new UsageError('--url is required, such as --url ws://127.0.0.1:8080/ws');
  const players = read.one('players', size);
  const seed = read.maybe('seed', size) ?? Math.floor(random() * MAX_SEED);
  const holdMs = read.one('hold', durationMs);
  const options: LoadOptions = {
    url,
    http,
    isInsecure: values.insecure === true,
    localAddresses: read.text('local-addresses')?.split(',') ?? [],
    players,
    rampMs: read.one('ramp', durationMs),
    holdMs,
    rate: read.maybe('rate', perSecond) ?? players / ACT_EVERY_S,
    mix: read.maybe('mix', readMix) ?? readMix(http === undefined ? SOCKET_MIX : HTTP_MIX),
    awayMs: read.one('away', durationMs),
    storm: read.maybe('storm', stormKind),
    stormAtMs: read.maybe('storm-at', durationMs) ?? holdMs / 2,
    stormOverMs: read.one('storm-over', durationMs),
    screens: read.one('screens', screensOf),
    streams: read.one('streams', size),
    httpPlayers: read.maybe('http-players', size) ?? Math.ceil(players / HTTP_SHARE),
    dashboards: read.one('dashboards', readDashboards),
    statusRate: read.one('status', perSecond),
    statusIds: read.one('status-ids', size),
    seed,
    prefix: read.text('prefix') ?? `load-${seed}`,
    timeoutMs: read.one('timeout', durationMs),
    processes: read.text('processes') === 'auto' ? undefined : read.one('processes', size),
    tokens: read.tokens(),
    apiKey: read.text('api-key'),
  };
  check(options, values);
  return {
    options,
    requirements: ((values.require ?? []) as string[]).map((text) => read.by('require', readRequirement, text)),
    json: read.maybe('json', writable),
    csv: read.maybe('csv', writable),
    prometheus: read.maybe('prometheus', writable),
    isQuiet: values.quiet === true,
    isDryRun: values['dry-run'] === true,
  };
}

function parse(argv: readonly string[]): Values {
  const names = Object.keys(OPTIONS) as OptionName[];
  const options = Object.fromEntries(
    names.map((name) => {
      const { value, isList } = OPTIONS[name];
      return [name, { type: value ? 'string' : 'boolean', multiple: isList === true } as const];
    }),
  );
  for (const word of argv) {
    const [, name = ''] = /^--([^=]*)/.exec(word) ?? [];
    if (name === '' || Object.hasOwn(OPTIONS, name)) continue;
    const meant = nearest(name, names);
    throw new UsageError(`there is no option --${name}${meant ? `; did you mean --${meant}?` : ' (--help lists all)'}`);
  }
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: false }).values as Values;
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n', 1)[0]);
  }
}

class Reader {
  private readonly values: Values;
  private readonly env: Env;

  constructor(values: Values, env: Env) {
    this.values = values;
    this.env = env;
  }

  /** The option, else its variable, else its default. */
  text(name: OptionName): string | undefined {
    const { fallback, variable } = OPTIONS[name];
    return (this.values[name] as string | undefined) ?? (variable ? this.env[variable] : undefined) ?? fallback;
  }

  one<T>(name: OptionName, read: (text: string) => T): T {
    return this.by(name, read, this.text(name) ?? '');
  }

  maybe<T>(name: OptionName, read: (text: string) => T): T | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : this.by(name, read, text);
  }

  by<T>(name: OptionName, read: (text: string) => T, text: string): T {
    try {
      return read(text);
    } catch (error) {
      throw new UsageError(`--${name}: ${(error as Error).message}`);
    }
  }

  url(name: OptionName, ...schemes: readonly string[]): string | undefined {
    return this.maybe(name, (text) => {
      if (!URL.canParse(text) || !schemes.includes(new URL(text).protocol))
        throw new Error(
          `'${text}' is not a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`,
        );
      const url = new URL(text);
      if (name === 'url' && url.pathname === '/') url.pathname = '/ws';
      return name === 'http' ? text.replace(/\/+$/, '') : url.href;
    });
  }

  tokens(): TokenSource {
    const secret = this.text('secret') ?? this.maybe('secret-file', (file) => readFileSync(file, 'utf8').trim());
    const file = this.text('tokens');
    const command = this.text('token-command');
    if ([secret, file, command].filter((source) => source !== undefined).length > 1)
      throw new UsageError('tokens come from one source: --secret, --secret-file, --tokens or --token-command');
    const claims = this.maybe('claims', claimsOf);
    if (claims && secret === undefined) throw new UsageError('--claims are of tokens signed with --secret');
    if (secret !== undefined) return { kind: 'secret', secret, claims: claims ?? {} };
    if (file !== undefined) return { kind: 'list', tokens: this.by('tokens', listOf, file) };
    return command === undefined ? { kind: 'none' } : { kind: 'command', command };
  }
}

/** @throws Error when there is none of a player. */
function listOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const found = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (found.length === 0) throw new Error('the file has no token');
  listedUsers(found);
  return found;
}

function claimsOf(text: string): Record<string, unknown> {
  const claims: unknown = JSON.parse(text);
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) throw new Error('not a JSON object');
  return claims as Record<string, unknown>;
}

function stormKind(text: string): StormKind {
  if (!Object.hasOwn(STORMS, text))
    throw new Error(`'${text}' is no storm; there are ${Object.keys(STORMS).join(', ')}`);
  return text as StormKind;
}

function screensOf(text: string): number[] {
  const screens = text.split(',').map(size);
  if (screens.some((count) => count < 1 || count > 100)) throw new Error(`'${text}' is not a list of 1 to 100 each`);
  return screens;
}

/** Before the run, so that no figures are lost after it. */
function writable(file: string): string {
  if (file === '') throw new Error('no file is named');
  if (file !== '-') accessSync(dirname(file), constants.W_OK);
  return file;
}

const usesHttp = (mix: Mix): boolean => mix.has('beat') || mix.has('guard');

/** What fits together. */
function check(options: LoadOptions, values: Values): void {
  const { http, mix, players, statusRate, statusIds, httpPlayers, storm, stormAtMs, stormOverMs, holdMs } = options;
  const refuse = (isWrong: boolean, text: string): void => {
    if (isWrong) throw new UsageError(text);
  };
  refuse(players < 1 && !usesHttp(mix) && statusRate === 0, '--players: there must be at least one');
  refuse(usesHttp(mix) && http === undefined, '--mix: beat and guard need --http');
  refuse(statusRate > 0 && http === undefined, '--status needs --http');
  refuse(usesHttp(mix) && httpPlayers < 1, '--http-players: beat and guard need at least one');
  refuse(statusIds < 1 || statusIds > MAX_STATUS_IDS, `--status-ids: from 1 to ${MAX_STATUS_IDS}`);
  refuse(options.streams < 1, '--streams: there must be at least one');
  refuse(options.timeoutMs === 0, '--timeout: 0 would make an error of everything');
  refuse(options.processes === 0, '--processes: there must be at least one');
  refuse(!PREFIX.test(options.prefix), '--prefix: 1 to 64 letters, digits, _ . or -');
  refuse(storm !== undefined && stormAtMs + stormOverMs > holdMs, '--storm: it must end within --hold');
  refuse(
    storm === undefined && ('storm-at' in values || 'storm-over' in values),
    '--storm-at and --storm-over need --storm',
  );
  refuse(options.rampMs + holdMs === 0, '--hold: nothing lasts 0');
}
