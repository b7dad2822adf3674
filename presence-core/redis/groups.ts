/** Change groups over Redis, by name (P17). */
import { ChangeGroupMember } from '../change-group.ts';
import type { ChangeGroup, StoreGroups } from '../store/groups.ts';
import { type ChangeGroupOptions, RedisChangeGroup } from './change-group.ts';
import type { RedisClient } from './connection.ts';
import type { RedisShards } from './shards.ts';

export class RedisGroups implements StoreGroups {
  private readonly client: RedisClient;
  private readonly shards: RedisShards;
  private readonly options: Omit<ChangeGroupOptions, 'name' | 'member'>;

  constructor(client: RedisClient, shards: RedisShards, options: Omit<ChangeGroupOptions, 'name' | 'member'>) {
    this.client = client;
    this.shards = shards;
    this.options = options;
  }

  join(name: string, member: string): ChangeGroup {
    return new ChangeGroupMember(new RedisChangeGroup(this.client, this.shards, { ...this.options, name, member }));
  }
}
