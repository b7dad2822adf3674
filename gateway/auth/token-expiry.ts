/** Token expiry: warns each socket in advance, then closes it, at most one tick late. One timer for all sockets. */
import type { CloseName } from '../protocol/close-codes.ts';
import type { ServerMessage } from '../protocol/messages.ts';
import type { Identity } from './identity.ts';

const TICK_MS = 250;
/** How long before the expiry a player is asked for a new token; for shorter tokens, half of the remaining time. */
const NOTICE_MS = 30_000;

export interface TokenHolder {
  readonly identity: Identity;
  /** Tick at which it is due; 0: not tracked. */
  expiryTick: number;
  expiryTold: boolean;
  send(message: ServerMessage): void;
  end(name: CloseName): void;
}

export class TokenExpiry {
  private readonly byTick = new Map<number, Set<TokenHolder>>();
  private doneTick = Math.floor(Date.now() / TICK_MS);
  private timer: NodeJS.Timeout | undefined;

  start(): void {
    this.timer = setInterval(() => this.advance(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Call it when the holder has a new token. */
  track(holder: TokenHolder): void {
    this.untrack(holder);
    const { expiresAt } = holder.identity;
    if (expiresAt === undefined) return;
    holder.expiryTold = false;
    this.file(holder, expiresAt - Math.min(NOTICE_MS, (expiresAt - Date.now()) / 2));
  }

  untrack(holder: TokenHolder): void {
    const filed = this.byTick.get(holder.expiryTick);
    if (filed?.delete(holder) && filed.size === 0) this.byTick.delete(holder.expiryTick);
    holder.expiryTick = 0;
  }

  private file(holder: TokenHolder, at: number): void {
    holder.expiryTick = Math.max(Math.ceil(at / TICK_MS), this.doneTick + 1);
    const filed = this.byTick.get(holder.expiryTick);
    if (filed) filed.add(holder);
    else this.byTick.set(holder.expiryTick, new Set([holder]));
  }

  private advance(): void {
    const now = Math.floor(Date.now() / TICK_MS);
    while (this.doneTick < now) {
      this.doneTick += 1;
      const due = this.byTick.get(this.doneTick);
      this.byTick.delete(this.doneTick);
      for (const holder of due ?? []) this.fallDue(holder);
    }
  }

  private fallDue(holder: TokenHolder): void {
    const { expiresAt } = holder.identity;
    if (expiresAt === undefined) return;
    if (holder.expiryTold) {
      holder.end('token_expired');
      return;
    }
    holder.expiryTold = true;
    this.file(holder, expiresAt);
    holder.send({ type: 'token_expiring', expiresAt });
  }
}
