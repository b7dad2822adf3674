/** Looks at gateways from outside, again and again, and notes what they answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type HealthPoll, now, type StatusPoll } from '../record.ts';
import type { Gateway } from './gateway.ts';

const STATUS_MS = 100;
const HEALTH_MS = 250;
const BOUND_MS = 2_000;

async function ask(url: string, body?: unknown): Promise<Response> {
  return fetch(url, {
    signal: AbortSignal.timeout(BOUND_MS),
    ...(body !== undefined && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
}

export class Watch {
  private isOver = false;
  private readonly running: Promise<void>[];

  /** @param userIds asked for: those known by then. */
  constructor(
    gateways: readonly Gateway[],
    userIds: () => readonly string[],
    polled: (poll: StatusPoll) => void,
    healthy: (poll: HealthPoll) => void,
  ) {
    this.running = gateways.flatMap((gateway) => [
      this.repeat(STATUS_MS, () => statusOf(gateway, userIds(), polled)),
      this.repeat(HEALTH_MS, () => healthOf(gateway, healthy)),
    ]);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.running);
  }

  private async repeat(everyMs: number, look: () => Promise<void>): Promise<void> {
    while (!this.isOver) {
      // No answer is none: the health poll says that much.
      await look().catch(() => {});
      await sleep(everyMs);
    }
  }
}

async function statusOf(gateway: Gateway, ids: readonly string[], polled: (poll: StatusPoll) => void): Promise<void> {
  if (ids.length === 0 || !gateway.isRunning) return;
  const askedAt = now();
  const response = await ask(gateway.url('/status/users'), { ids });
  const { users } = (await response.json()) as { users?: { userId: string; online: boolean }[] };
  const answeredAt = now();
  if (!response.ok || users === undefined) return;
  polled({
    gateway: gateway.name,
    askedAt,
    answeredAt,
    ageMs: Number(response.headers.get('x-presence-age-ms') ?? 0),
    isDegraded: response.headers.get('x-presence-degraded') !== null,
    online: new Set(users.filter(({ online }) => online).map(({ userId }) => userId)),
  });
}

async function healthOf(gateway: Gateway, healthy: (poll: HealthPoll) => void): Promise<void> {
  if (!gateway.isRunning) return;
  const askedAt = now();
  let [status, word] = [0, 'no answer'];
  try {
    const response = await ask(gateway.url('/readyz'));
    const body = (await response.json()) as { status?: string | number; code?: string };
    [status, word] = [response.status, String(body.code ?? body.status ?? '')];
  } catch {
    // Noted as it is.
  }
  healthy({ gateway: gateway.name, askedAt, answeredAt: now(), status, word });
}
