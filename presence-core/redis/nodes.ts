/** Leases of node generations, the epochs of the shards, and the sweep (P1, P9, P10). */
import { StoreError } from '../errors.ts';
import type { BeatResult, Restored, StoreNodes, SweepResult } from '../store/nodes.ts';
import { chunks } from '../toolkit/chunks.ts';
import { SharedRead } from '../toolkit/single-flight.ts';
import type { RedisClient } from './connection.ts';
import type { RedisFailures } from './failures.ts';
import { reportKey, restoredKey } from './keys.ts';
import type { RedisShards } from './shards.ts';
import type { RedisSweep } from './sweep.ts';
import { runVerb } from './verbs.ts';

/** Shards of a home whose epochs one beat looks at, in turn. */
const EPOCHS_PER_BEAT = 64;

/** Epoch, and server, of a store that has just begun. */
const NEW_MS = 5_000;
/** Far longer than a restore takes. */
const RESTORED_TTL_MS = 600_000;
/** Read by one call (P19). */
const REPORTS_PER_CALL = 256;
/** Before an instant among the ids of nodes that are done; none has it. */
const RETURNS = '~';

export interface RedisNodesOptions {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly failures: Pick<RedisFailures, 'guard'>;
  readonly sweep: Pick<RedisSweep, 'run'>;
  /** Run id of the master of each shard; '' where it is not known. */
  readonly runIds: () => Promise<readonly string[]>;
  /** Since the youngest master started. */
  readonly uptimeMs: () => Promise<number>;
  /** Awaited when a shard has another epoch than this process knew, at its first join too: before that it knew none. */
  readonly onNewEpoch: () => Promise<void>;
  /** A node of this process gave its lease up. */
  readonly onQuit: (nodeId: string) => void;
}

interface Asked {
  readonly nodeId: string;
  readonly leaseMs: number;
  readonly returnsUntil: number;
}

export class RedisNodes implements StoreNodes {
  /** Newest epoch seen of each shard; another array whenever one changed. */
  epochs: readonly number[] = [];
  /** The shard, of all whose home is one, that the next beat begins with. */
  private turn = 0;
  /** Of the server that answered the last beat at each home; '' where it hides that. */
  private runIds: readonly string[] = [];
  /** When each home answered last, by its clock. */
  private answeredAt: readonly number[] = [];
  private readonly shards: RedisShards;
  private readonly masters = new SharedRead((_: 'run ids') => this.options.runIds());
  private readonly options: RedisNodesOptions;

  constructor(shards: RedisShards, options: RedisNodesOptions) {
    this.shards = shards;
    this.options = options;
  }

  async join(nodeId: string, leaseMs: number, returnsUntil = 0): Promise<BeatResult> {
    const asked = { nodeId, leaseMs, returnsUntil };
    const result = await this.run('join', asked, 0, this.shards.all.length);
    if (result.outcome === 'alive') this.shards.speaker.nodeId = nodeId;
    if (result.now - Math.max(...this.epochs) > NEW_MS) return result;
    return { ...result, fresh: (await this.options.uptimeMs()) < NEW_MS ? 'started' : 'emptied' };
  }

  beat(nodeId: string, leaseMs: number, returnsUntil = 0): Promise<BeatResult> {
    const { all } = this.shards;
    const asked = { nodeId, leaseMs, returnsUntil };
    // Before it has seen each once, it knows nothing of the others.
    if (this.epochs.length === 0) return this.run('beat', asked, 0, all.length);
    const first = this.turn;
    this.turn = first + EPOCHS_PER_BEAT < all.length ? first + EPOCHS_PER_BEAT : 0;
    return this.run('beat', asked, first, EPOCHS_PER_BEAT);
  }

  async quit(nodeId: string): Promise<void> {
    this.options.onQuit(nodeId);
    if (this.shards.speaker.nodeId === nodeId) this.shards.speaker.nodeId = '';
    await Promise.all(this.shards.homes.map((home) => this.shards.runAtHome('quit', home, [nodeId])));
  }

  /** @param first shard of which the epoch is asked, and how many, where one home is that of all. */
  private async run(verb: 'join' | 'beat', asked: Asked, first: number, count: number): Promise<BeatResult> {
    const { nodeId, leaseMs, returnsUntil } = asked;
    const { homes, isCluster } = this.shards;
    const range = isCluster ? [0, 1] : [first, count];
    const replies = await Promise.all(
      homes.map((home) =>
        this.shards.runAtHome<string>(verb, home, [nodeId, leaseMs, ...range, Math.ceil(returnsUntil)]),
      ),
    );
    const [[, homeEpoch] = []] = replies;
    // What the home has lost, all of its shards have.
    if (!isCluster && verb === 'beat' && Number(homeEpoch) !== this.epochs[0] && count < this.shards.all.length) {
      return this.run(verb, asked, 0, this.shards.all.length);
    }
    const epochs = [...this.epochs];
    for (const [i, reply] of replies.entries()) {
      for (const [j, epoch] of reply.slice(2).entries()) epochs[isCluster ? i : first + j] = Number(epoch);
    }
    const heads = replies.map(([head = '']) => head.split('|'));
    let hasLost = false;
    if (epochs.some((epoch, shard) => epoch !== this.epochs[shard])) {
      hasLost = replies.some((reply, i) => {
        const told = reply.slice(2).map(Number);
        const isOther = told.some((epoch, j) => this.isOtherThanKnown(isCluster ? i : first + j, epoch));
        return isOther && Number(heads[i]?.[4]) < (this.answeredAt[i] ?? 0);
      });
      // Verbs refuse admissions of an epoch that the caller does not know (P10), hence by a seed that is no more (P18).
      await this.options.onNewEpoch();
      this.epochs = epochs;
    }
    this.shards.speaker.epoch = Math.max(...this.epochs);
    this.answeredAt = heads.map(([, now]) => Number(now));
    this.runIds = heads.map(([, , runId = '']) => runId);
    return {
      outcome: heads.some(([outcome]) => outcome === 'fenced') ? 'fenced' : 'alive',
      epoch: [...new Set(this.epochs)].join('.'),
      now: Math.max(...heads.map(([, now]) => Number(now))),
      nodes: heads[0]?.[3]?.split(' ').filter(Boolean) ?? [],
      returnsUntil: Math.max(...heads.map((head) => Number(head[5]))),
      ...(hasLost && { hasLost }),
    };
  }

  private isOtherThanKnown(shard: number, epoch: number): boolean {
    const known = this.epochs[shard];
    return known !== undefined && known !== epoch;
  }

  async confirmRestored(nodeIds: readonly string[], epoch: string, returnsUntil = 0): Promise<Restored> {
    const { client, prefix, failures } = this.options;
    const key = restoredKey(prefix, epoch);
    const members = [...nodeIds, ...(returnsUntil > 0 ? [`${RETURNS}${Math.ceil(returnsUntil)}`] : [])];
    // On one connection, so in this order.
    const said = members.length > 0 ? [client.sadd(key, ...members), client.pexpire(key, RESTORED_TTL_MS)] : [];
    const read = client.smembers(key);
    const [all] = await failures.guard(Promise.all([read, ...said]));
    return {
      nodeIds: all.filter((member) => !member.startsWith(RETURNS)),
      returnsUntil: Math.max(0, ...all.filter((each) => each.startsWith(RETURNS)).map((each) => Number(each.slice(1)))),
    };
  }

  async report(nodeId: string, text: string, keptMs: number): Promise<void> {
    const { client, prefix, failures } = this.options;
    const args = [text, String(Math.ceil(keptMs))];
    await failures.guard(runVerb(client, 'report', [reportKey(prefix, nodeId)], args));
  }

  async reports(nodeIds: readonly string[]): Promise<readonly (string | undefined)[]> {
    const { client, prefix, failures } = this.options;
    const texts: (string | undefined)[] = [];
    for (const some of nodeIds.length > 0 ? chunks(nodeIds, REPORTS_PER_CALL) : []) {
      const kept = await failures.guard(client.mget(...some.map((nodeId) => reportKey(prefix, nodeId))));
      texts.push(...kept.map((text) => text ?? undefined));
    }
    return texts;
  }

  /** Whether the masters are those that the last beat saw: others may have lost what they had. */
  async hasKnownMasters(): Promise<boolean> {
    const runIds = await this.masters.ask('run ids');
    const { homes } = this.shards;
    const others = homes.map((home) => runIds[home]).filter((id, i) => this.runIds[i] && id !== this.runIds[i]);
    if (others.includes('')) throw new StoreError('store_unavailable', 'Redis: a master does not answer');
    return others.length === 0;
  }

  sweep(): Promise<SweepResult> {
    return this.options.sweep.run();
  }
}
