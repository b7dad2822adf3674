/** Change groups over Redis, by name (P17). */
import { ChangeGroupMember } from '../change-group.ts';
import type { ChangeGroup, StoreGroups } from '../store/groups.ts';
import type { RedisCalls } from './calls.ts';
import { type ChangeGroupOptions, RedisChangeGroup } from './change-group.ts';
import type { RedisClient } from './connection.ts';

export class RedisGroups implements StoreGroups {
  private readonly client: RedisClient;
  private readonly calls: RedisCalls;
  private readonly options: Omit<ChangeGroupOptions, 'name' | 'member'>;

  constructor(client: RedisClient, calls: RedisCalls, options: Omit<ChangeGroupOptions, 'name' | 'member'>) {
    this.client = client;
    this.calls = calls;
    this.options = options;
  }

  join(name: string, member: string): ChangeGroup {
    return new ChangeGroupMember(new RedisChangeGroup(this.client, this.calls, { ...this.options, name, member }));
  }
}
