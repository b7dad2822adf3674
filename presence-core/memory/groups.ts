/** Change groups of the memory store, by name (P17). */
import { ChangeGroupMember } from '../change-group.ts';
import type { Clock } from '../clock.ts';
import type { ChangeGroup, StoreGroups } from '../store/groups.ts';
import { MemoryChangeGroup } from './change-group.ts';
import type { MemoryLog } from './log.ts';

export class MemoryGroups implements StoreGroups {
  readonly #log: MemoryLog;
  readonly #clock: Clock;
  readonly #claimMs: number;
  readonly #groups = new Map<string, MemoryChangeGroup>();

  constructor(log: MemoryLog, clock: Clock, claimMs: number) {
    this.#log = log;
    this.#clock = clock;
    this.#claimMs = claimMs;
  }

  join(name: string): ChangeGroup {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new MemoryChangeGroup(this.#log, this.#clock, this.#claimMs);
      this.#groups.set(name, group);
    }
    return new ChangeGroupMember(group);
  }
}
