/** Calls that find the library of functions missing, by a Redis whose answers the test gives by hand. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import { ReplyError } from 'ioredis';
import type { RedisClient } from '../../presence-core/redis/connection.ts';
import type { DeploymentConstants } from '../../presence-core/redis/library.ts';
import { defineVerbs, runVerb } from '../../presence-core/redis/verbs.ts';

test('what is called while a server is given the library is sent after what waits for it', async () => {
  const sent: string[] = [];
  let isLoaded = false;
  let loads = 0;
  let endLoad: () => void = () => {};
  const client = {
    isCluster: false,
    fcall: async (name: string) => {
      if (!isLoaded) throw new ReplyError('ERR Function not found');
      sent.push(name.replace(/^presence_[0-9a-f]+_/, ''));
    },
    call: () => {
      loads += 1;
      return new Promise<void>((resolve) => {
        endLoad = resolve;
      });
    },
  };
  defineVerbs(client as unknown as RedisClient, {} as DeploymentConstants);
  const run = (verb: 'open' | 'close' | 'kick') => runVerb(client as unknown as RedisClient, verb, [], []);
  const first = run('open');
  await turn();
  // The server has it now, and its answer is on its way.
  isLoaded = true;
  const second = run('close');
  await turn();
  expect(sent).toEqual([]);
  endLoad();
  await Promise.all([first, second, run('kick')]);
  expect([sent, loads]).toEqual([['open', 'close', 'kick'], 1]);
});

/** Answers calls once it has the library, or by scripts. */
class ByHand {
  readonly isCluster = false;
  /** What was asked of it. */
  readonly asked: string[] = [];
  /** What it answers to being given the library. */
  refusal: Error | undefined;
  takesScripts = true;
  private hasLibrary = false;
  private hasScripts = false;

  async fcall(): Promise<string> {
    this.asked.push('fcall');
    if (!this.hasLibrary) throw new ReplyError('ERR Function not found');
    return 'by function';
  }

  async evalsha(): Promise<string> {
    this.asked.push('evalsha');
    if (!this.hasScripts) throw new ReplyError('NOSCRIPT No matching script. Please use EVAL.');
    return 'by script';
  }

  async call(): Promise<void> {
    this.asked.push('function load');
    if (this.refusal) throw this.refusal;
    this.hasLibrary = true;
  }

  async script(): Promise<void> {
    if (!this.takesScripts) throw new ReplyError('LOADING Redis is loading the dataset in memory');
    this.hasScripts = true;
  }
}

const OOM = "OOM command not allowed when used memory > 'maxmemory'.";

test('a server that takes no library is called by scripts, and asked again 10 s later', async () => {
  const server = new ByHand();
  server.refusal = new ReplyError(OOM);
  const told: string[] = [];
  const client = server as unknown as RedisClient;
  defineVerbs(client, {} as DeploymentConstants, (message) => told.push(message));
  const run = () => runVerb(client, 'close', [], []);
  const now = jest.spyOn(performance, 'now');
  let at = 1_000_000;
  now.mockImplementation(() => at);
  try {
    expect(await Promise.all([run(), run()])).toEqual(['by script', 'by script']);
    at += 9_999;
    expect(await run()).toBe('by script');
    expect(server.asked.filter((what) => what === 'function load')).toHaveLength(1);
    at += 1;
    expect(await Promise.all([run(), run()])).toEqual(['by script', 'by script']);
    expect(server.asked.filter((what) => what === 'function load')).toHaveLength(2);
    expect(told).toHaveLength(1);
    server.refusal = undefined;
    at += 10_000;
    expect(await run()).toBe('by function');
  } finally {
    now.mockRestore();
  }
});

test('one that takes neither is not asked again for a second, and fails whoever calls', async () => {
  const server = new ByHand();
  server.refusal = new ReplyError(OOM);
  server.takesScripts = false;
  const client = server as unknown as RedisClient;
  defineVerbs(client, {} as DeploymentConstants);
  const run = () => runVerb(client, 'close', [], []);
  for (const call of [run(), run()]) await expect(call).rejects.toThrow('OOM');
  await expect(run()).rejects.toThrow('OOM');
  expect(server.asked.filter((what) => what === 'function load')).toHaveLength(1);
});
