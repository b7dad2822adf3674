/** Calls that find the library of functions missing, by a Redis whose answers the test gives by hand. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { ReplyError } from 'ioredis';
import type { RedisClient } from '../../presence-core/redis/connection.ts';
import { type DeploymentConstants, defineVerbs, runVerb } from '../../presence-core/redis/library.ts';

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

test('a load that fails fails whoever waits for it, and the next call tries again', async () => {
  let refusals = 1;
  let isLoaded = false;
  const client = {
    isCluster: false,
    fcall: async () => {
      if (!isLoaded) throw new ReplyError('ERR Function not found');
      return [];
    },
    call: async () => {
      if (refusals-- > 0) throw new ReplyError("OOM command not allowed when used memory > 'maxmemory'.");
      isLoaded = true;
    },
  };
  defineVerbs(client as unknown as RedisClient, {} as DeploymentConstants);
  const run = () => runVerb(client as unknown as RedisClient, 'close', [], []);
  await expect(run()).rejects.toThrow('OOM');
  expect(await run()).toEqual([]);
});
