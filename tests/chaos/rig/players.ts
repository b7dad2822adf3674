/**
 * Players of a run: those with a user of their own, and devices that want the slots of one user; with the balancer that
 * sends them to gateways.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunRecord, SessionRecord } from '../record.ts';
import type { Gateway } from './gateway.ts';
import { Screen } from './screen.ts';

const ALIVE_MS = 400;
/** Of thousands at once, all on this machine. */
const CROWD_ALIVE_MS = 10_000;
const CONTENTION_ENDS_MS = 10_000;
/** Devices of a user who has fewer slots. */
const CONTENDERS = 4;

export interface PlayersOptions {
  readonly record: RunRecord;
  readonly gateways: readonly Gateway[];
  /** Of what is done to a run. */
  readonly random: () => number;
  /** Of what players do: the network decides in which order they ask. */
  readonly ofPlayers: () => number;
}

export class Players {
  /** Those with a user of their own, who are there now. */
  readonly watching = new Set<Screen>();
  /** Gateways that a balancer has taken out. */
  readonly out = new Set<Gateway>();
  private readonly options: PlayersOptions;
  private readonly screens = new Set<Screen>();
  private contention: Promise<void>[] = [];
  private isContended = true;
  private sessions = 0;
  private users = 0;

  constructor(options: PlayersOptions) {
    this.options = options;
  }

  /** The id of a user who was never there. */
  newUser(): string {
    return `u${this.users++}`;
  }

  /** A player comes, with a new session. @returns undefined when it was not let in. */
  async watchAs(userId: string, aliveMs = ALIVE_MS): Promise<Screen | undefined> {
    const screen = this.screen(userId, false, aliveMs);
    if (!(await screen.start())) return undefined;
    this.watching.add(screen);
    void screen.over.then(() => this.watching.delete(screen));
    return screen;
  }

  /** Players come until so many are there. @param contended users with more devices than slots. */
  async come(players: number, contended: number): Promise<void> {
    const missing = players - this.watching.size;
    await Promise.all(Array.from({ length: missing }, () => this.watchAs(this.newUser())));
    this.isContended = true;
    for (let i = 0; i < contended; i++) {
      const userId = `c${this.users++}`;
      for (let device = 0; device < CONTENDERS; device++) this.contention.push(this.contend(userId, device));
    }
  }

  /** Some of those who watch, as the seed says. */
  some(share: number): Screen[] {
    return [...this.watching].filter(() => this.options.random() < share);
  }

  /** So many come at once, stay for a while, and leave. */
  async crowd(players: number, stayMs: number): Promise<void> {
    const came = await Promise.all(
      Array.from({ length: players }, (_, i) => this.watchAs(`crowd${i}`, CROWD_ALIVE_MS)),
    );
    await sleep(stayMs);
    await Promise.all(came.map((screen) => screen?.leave()));
  }

  async endContention(): Promise<void> {
    this.isContended = false;
    // Those who were not let in by then give up: no gateway may be left.
    const cut = setTimeout(() => {
      for (const screen of this.screens) if (screen.record.isContended) screen.close();
    }, CONTENTION_ENDS_MS);
    await Promise.all(this.contention);
    clearTimeout(cut);
    this.contention = [];
  }

  /** Some go, each in a way of its own. */
  goSome(share: number): void {
    for (const screen of this.some(share)) {
      const way = this.options.random();
      if (way < 0.4) void screen.leave();
      else if (way < 0.7) screen.vanish();
      else screen.freeze();
    }
  }

  /** Those who are over are forgotten, and of the others how often they asked. @returns what is known of those. */
  forget(): SessionRecord[] {
    for (const screen of this.screens) {
      if (!screen.isOver) continue;
      screen.close();
      this.screens.delete(screen);
    }
    const records = [...this.screens].map(({ record }) => record);
    for (const { events } of records) {
      const lastAt = events.findLast(({ what }) => what === 'alive')?.at ?? 0;
      const kept = events.filter((event) => event.what !== 'alive' || event.at === lastAt);
      events.splice(0, events.length, ...kept);
    }
    return records;
  }

  async close(): Promise<void> {
    this.isContended = false;
    for (const screen of this.screens) screen.close();
    await this.endContention();
  }

  private screen(userId: string, isContended: boolean, aliveMs = ALIVE_MS): Screen {
    const { record, ofPlayers } = this.options;
    const session: SessionRecord = {
      userId,
      sessionId: `${userId}-${this.sessions++}`,
      streamId: `film-${Math.floor(ofPlayers() * 5)}`,
      isContended,
      events: [],
    };
    record.sessions.push(session);
    const screen = new Screen({
      record: session,
      random: ofPlayers,
      aliveMs,
      silenceMs: 2 * (record.timers.pingMs + record.timers.pongMs),
      choose: (tried) => this.choose(tried),
    });
    this.screens.add(screen);
    return screen;
  }

  /** As a balancer does: any that runs, and not the one that has just failed. */
  private choose(tried: Gateway | undefined): Gateway {
    const { gateways, ofPlayers } = this.options;
    const believed = gateways.filter((one) => one !== tried && one.isRunning && !this.out.has(one));
    const list = believed.length > 0 ? believed : gateways;
    return list[Math.floor(ofPlayers() * list.length)] as Gateway;
  }

  /** One device of a user that wants a slot all the time, and gives it up again. */
  private async contend(userId: string, device: number): Promise<void> {
    const { ofPlayers } = this.options;
    await sleep(50 * device);
    while (this.isContended) {
      const screen = this.screen(userId, true);
      if (await screen.start()) {
        await Promise.race([screen.over, sleep(300 + 1_700 * ofPlayers())]);
        if (ofPlayers() < 0.7) await screen.leave();
        else screen.vanish();
      }
      await sleep(50 + 250 * ofPlayers());
    }
  }
}
