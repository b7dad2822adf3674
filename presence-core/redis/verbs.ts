/**
 * Calls of the Lua verbs. A server that has not got the library says so before anything is run, and is given it; calls that
 * are made meanwhile wait, and all go on in the order in which they were made. A server that takes no library, as it is out
 * of memory or may not be written to, is called by scripts, which it takes: what frees memory, and reads, work there too.
 */
import { ReplyError } from 'ioredis';
import { mastersOf, type RedisClient } from './connection.ts';
import type { Warn } from './failures.ts';
import { allScripts, type DeploymentConstants, functionOf, LIBRARY_CODE, scriptOf, type Verb } from './library.ts';
import { isLibraryMissing } from './outage.ts';

/** A server that refused the library is asked again after so long. */
const AGAIN_MS = 10_000;
/** One that took neither library nor scripts. */
const REFUSED_MS = 1_000;

interface Waiter {
  readonly go: () => void;
  readonly fail: (error: unknown) => void;
}

/** While servers are given the library: calls that missed it, and those that were made since. */
interface Waiting {
  readonly missed: Waiter[];
  readonly behind: Waiter[];
}

/** What is known of the servers of one client. */
interface Line {
  readonly constants: string;
  readonly warn: Warn;
  /** While they are called by scripts: when to give them the library again, by `performance.now()`. */
  byScriptUntil: number | undefined;
  /** What they answered when they took nothing, and until when that is believed. */
  refusal: { readonly error: unknown; readonly until: number } | undefined;
  waiting: Waiting | undefined;
}

const lines = new WeakMap<RedisClient, Line>();

/** Says which deployment the calls on a client belong to. */
export function defineVerbs(client: RedisClient, constants: DeploymentConstants, warn: Warn = () => {}): void {
  const set = Object.entries(constants).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`));
  lines.set(client, {
    constants: set.join('\n'),
    warn,
    byScriptUntil: undefined,
    refusal: undefined,
    waiting: undefined,
  });
}

/** What of these failed, and why. */
async function failuresOf(loads: readonly Promise<unknown>[]): Promise<Error[]> {
  const results = await Promise.allSettled(loads);
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
}

/**
 * Gives each server the library.
 * @param isAgain also one that has it.
 * @returns what the servers refused it with: a reply, which may pass; none where it is there, or where nothing answers.
 * @throws when no server answers.
 */
export async function loadLibrary(client: RedisClient, isAgain = false): Promise<Error | undefined> {
  const how = isAgain ? ['LOAD', 'REPLACE'] : ['LOAD'];
  const loads = mastersOf(client).map((server) => server.call('FUNCTION', ...how, LIBRARY_CODE));
  const errors = await failuresOf(loads);
  // That it exists: another process was quicker.
  const refusals = errors.filter((error) => error instanceof ReplyError && !error.message.includes('already exists'));
  const lost = errors.filter((error) => !(error instanceof ReplyError));
  if (lost[0] && lost.length === loads.length) throw lost[0];
  return refusals[0];
}

async function loadScripts(client: RedisClient): Promise<void> {
  const loads = mastersOf(client).flatMap((server) => allScripts().map(({ code }) => server.script('LOAD', code)));
  const [failed, ...others] = await failuresOf(loads);
  if (failed && others.length === loads.length - 1) throw failed;
}

/** Makes the servers ready to be called, in one way or the other. */
async function equip(client: RedisClient, line: Line): Promise<void> {
  const refusal = await loadLibrary(client);
  if (!refusal) {
    line.byScriptUntil = undefined;
    return;
  }
  await loadScripts(client).catch((error) => {
    throw error instanceof ReplyError ? refusal : error;
  });
  if (line.byScriptUntil === undefined) {
    line.warn('Redis does not take our functions: calls are scripts until it does, and cost it more', {
      error: refusal.message,
    });
  }
  line.byScriptUntil = performance.now() + AGAIN_MS;
}

/**
 * Equips the servers, and has the calls that wait for that go on: those that missed the library first, as they were made
 * first. The answer of a load comes after those of all calls before it, so none of these is still to miss it: unless
 * another process gave it the library between two of them, in the milliseconds after it was lost.
 */
async function give(client: RedisClient, line: Line): Promise<void> {
  const { missed, behind } = line.waiting as Waiting;
  const failure = await equip(client, line).then(
    () => undefined,
    (error: unknown) => ({ error, until: performance.now() + REFUSED_MS }),
  );
  // A connection that was lost may be back at once.
  line.refusal = failure?.error instanceof ReplyError ? failure : undefined;
  while (missed.length + behind.length > 0) {
    for (const { go, fail } of [...missed.splice(0), ...behind.splice(0)]) {
      if (failure) fail(failure.error);
      else go();
    }
    // They go on now, one after the other; what they lead to waits behind them.
    await undefined;
  }
  line.waiting = undefined;
}

/** Waits until the servers have been equipped, which begins unless it is under way. */
function equipped(client: RedisClient, line: Line, kind: keyof Waiting): Promise<void> {
  const isBegun = line.waiting !== undefined;
  line.waiting ??= { missed: [], behind: [] };
  const { [kind]: list } = line.waiting;
  const wait = new Promise<void>((go, fail) => list.push({ go, fail }));
  if (!isBegun) void give(client, line);
  return wait;
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
  const line = lines.get(client) as Line;
  const told = [nodeId, String(epoch), line.constants];
  const call = (): Promise<unknown> => {
    if (line.byScriptUntil === undefined) return client.fcall(functionOf(verb), keys.length, ...keys, ...args, ...told);
    const { sha, name } = scriptOf(verb);
    return client.evalsha(sha, keys.length, ...keys, ...args, ...told, name);
  };
  const isDue = line.byScriptUntil !== undefined && performance.now() >= line.byScriptUntil;
  if (line.waiting || isDue) await equipped(client, line, 'behind');
  try {
    return await call();
  } catch (error) {
    // Nothing of it was run.
    if (!isLibraryMissing(error)) throw error;
    if (line.refusal && performance.now() < line.refusal.until) throw line.refusal.error;
  }
  await equipped(client, line, 'missed');
  return call();
}
