/** A Redis whose answers to verbs the test gives by hand. */
import type { RedisClient } from '../../presence-core/redis/connection.ts';
import type { DeploymentConstants } from '../../presence-core/redis/library.ts';
import { defineVerbs } from '../../presence-core/redis/verbs.ts';

/** @param answer told the verb and its own arguments, without what every call tells of its caller. */
export function redisByHand(
  answer: (verb: string, args: readonly string[]) => Promise<unknown>,
  isCluster = false,
): RedisClient {
  const fcall = (name: string, keys: number, ...args: string[]): Promise<unknown> =>
    answer(name.replace(/^presence_[0-9a-f]+_/, ''), args.slice(keys, -3));
  const client = { isCluster, fcall } as unknown as RedisClient;
  defineVerbs(client, {} as DeploymentConstants);
  return client;
}
