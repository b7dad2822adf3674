/** Reads the log of a Cluster, where no command waits for several shards: each master is asked again and again. */
import type { Cluster } from 'ioredis';
import { pause } from '../toolkit/retrying.ts';
import { toStoreError } from './failures.ts';
import type { LogAnswer, LogPlace, StreamReply } from './log-connections.ts';
import { RedisMasters } from './masters.ts';
import { runVerb } from './verbs.ts';

/** After a poll in vain the next comes later, until these are over. */
const FIRST_PAUSE_MS = 5;
/** For each master: a reader at rest makes a hundred calls a second at most, half a percent of a core of Node. */
const MAX_PAUSE_MS_PER_MASTER = 10;

type Entries = [id: string, fields: string[]][];
type Found = NonNullable<StreamReply>;

export class LogPolling {
  private readonly client: Cluster;
  private readonly masters: RedisMasters;

  /** @param client on which the verbs are defined. @param prefixes of the shards. */
  constructor(client: Cluster, prefixes: readonly string[]) {
    this.client = client;
    this.masters = new RedisMasters(client, prefixes);
  }

  /** @throws StoreError */
  async read(places: readonly LogPlace[], count: number, waitMs: number): Promise<LogAnswer> {
    const asOf = performance.now();
    const until = asOf + waitMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
      const groups = this.byMaster(places);
      const found = await Promise.all(groups.map((group) => this.ask(group, count))).catch((error) => {
        throw toStoreError(error);
      });
      const reply = found.flat();
      const leftMs = until - performance.now();
      if (reply.length > 0 || leftMs <= 0) return { reply, asOf };
      await pause(Math.min(pauseMs, groups.length * MAX_PAUSE_MS_PER_MASTER, leftMs));
    }
  }

  private byMaster(places: readonly LogPlace[]): LogPlace[][] {
    const placeOf = new Map(places.map((place) => [place.shard, place]));
    return this.masters
      .shardsOfEach()
      .map((shards) => shards.flatMap((shard) => placeOf.get(shard) ?? []))
      .filter((group) => group.length > 0);
  }

  /** Logs that the master does not serve any more are found by themselves. */
  private async ask(group: readonly LogPlace[], count: number): Promise<Found> {
    const { key } = group[0] as LogPlace;
    const args = group.flatMap((place) => [place.key, place.after]);
    const lists = (await runVerb(this.client, 'follow', [key], [String(count), ...args])) as (Entries | null)[];
    const found = await Promise.all(
      group.map(async (place, i): Promise<Found> => {
        const entries = lists[i];
        if (entries) return entries.length > 0 ? [[place.key, entries]] : [];
        return ((await this.client.xread('COUNT', count, 'STREAMS', place.key, place.after)) as StreamReply) ?? [];
      }),
    );
    return found.flat();
  }
}
