/** Token expiry: warns each socket in advance, then closes it, at most one tick late. One timer for all sockets. */
import { type DueLink, DueWheel, unfile } from '../../presence-core/index.ts';
import type { CloseName } from '../protocol/close-codes.ts';
import type { ServerMessage } from '../protocol/messages.ts';
import type { Identity } from './identity.ts';

const TICK_MS = 250;
/** How long before the expiry a player is asked for a new token; for shorter tokens, half of the remaining time. */
const NOTICE_MS = 30_000;

/** A later instant is filed so far ahead, and again when that has come: so there are few ticks, however long tokens live. */
const HORIZON_MS = 600_000;

/** A socket that acts by a token. */
export interface TokenHolder extends DueLink {
  readonly identity: Identity;
  expiryNotified: boolean;
  send(message: ServerMessage): void;
  end(name: CloseName): void;
}

export class TokenExpiry {
  private readonly wheel = new DueWheel<TokenHolder>(TICK_MS);
  private timer: NodeJS.Timeout | undefined;

  stop(): void {
    clearInterval(this.timer);
  }

  /** Call it when the holder has a new token. */
  track(holder: TokenHolder): void {
    this.untrack(holder);
    const { expiresAt } = holder.identity;
    if (expiresAt === undefined) return;
    holder.expiryNotified = false;
    this.file(holder, expiresAt - Math.min(NOTICE_MS, (expiresAt - Date.now()) / 2));
  }

  untrack(holder: TokenHolder): void {
    unfile(holder);
  }

  /** Rounded up to a tick, so that nothing falls due before its instant. */
  private file(holder: TokenHolder, at: number): void {
    // A process without such holders is not woken up for nothing.
    this.timer ??= setInterval(() => this.advance(), TICK_MS).unref();
    this.wheel.file(holder, Math.ceil(Math.min(at, Date.now() + HORIZON_MS) / TICK_MS) * TICK_MS);
  }

  private advance(): void {
    const due = this.wheel.take(Date.now());
    for (let holder = due.first(); holder !== undefined; holder = due.first()) {
      unfile(holder);
      this.fallDue(holder);
    }
  }

  private fallDue(holder: TokenHolder): void {
    const { expiresAt } = holder.identity;
    if (expiresAt === undefined) return;
    if (holder.expiryNotified) {
      holder.end('token_expired');
      return;
    }
    const noticeAt = expiresAt - NOTICE_MS;
    if (noticeAt > Date.now()) {
      this.file(holder, noticeAt);
      return;
    }
    holder.expiryNotified = true;
    this.file(holder, expiresAt);
    holder.send({ type: 'token_expiring', expiresAt });
  }
}
