/** Users for whom something is to be done: gathered while it is done for others, one burst after the other. */
import { pause } from '../../presence-core/index.ts';

const RETRY_MS = 1_000;

export type Users = ReadonlySet<string> | 'all';

export class UserBursts {
  private gathered = new Set<string>();
  private isAll = false;
  private isRunning = false;
  private isStopped = false;
  private readonly maxUsers: number;
  private readonly act: (users: Users) => Promise<void>;

  /**
   * @param maxUsers of one burst; beyond that it is for all.
   * @param act when it fails, its users are part of the next burst.
   */
  constructor(maxUsers: number, act: (users: Users) => Promise<void>) {
    this.maxUsers = maxUsers;
    this.act = act;
  }

  add(userIds: Iterable<string> | 'all'): void {
    if (userIds === 'all') this.isAll = true;
    else if (!this.isAll) for (const userId of userIds) this.gathered.add(userId);
    if (this.gathered.size > this.maxUsers) this.isAll = true;
    if (this.isAll) this.gathered.clear();
    if (!this.isRunning) void this.run();
  }

  stop(): void {
    this.isStopped = true;
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    while (!this.isStopped && (this.isAll || this.gathered.size > 0)) {
      const users = this.take();
      try {
        await this.act(users);
      } catch {
        this.add(users);
        await pause(RETRY_MS);
      }
    }
    this.isRunning = false;
  }

  private take(): Users {
    const users = this.isAll ? 'all' : this.gathered;
    this.isAll = false;
    this.gathered = new Set();
    return users;
  }
}
