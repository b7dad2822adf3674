/** Who takes part: which user a player belongs to, what everybody is called, what there is to watch. */
import { below, type Random, seeded } from './random.ts';

/** The stream of a premiere, in place of a number. */
export const PREMIERE_STREAM = -1;

export interface CastOptions {
  /** Ids of users and streams begin with it. */
  readonly prefix: string;
  /** Players of the first user, the second and so on, again and again. */
  readonly screens: readonly number[];
  readonly streams: number;
  /** Users that there are, by tokens; none: as many as the players need. */
  readonly users?: readonly string[] | undefined;
}

const DEVICES = ['android', 'ios', 'web', 'tvos', 'firetv', 'roku', 'tizen', 'webos'];
const STATES = ['CA', 'TX', 'NY', 'FL', 'IL', 'PA', 'OH', 'GA'];
/** Numbers of list and dashboard are spread by it, so that neighbours share no numbers. */
const SPREAD = 7_919;

/** What a player says of itself beside its stream. */
export interface Traits {
  readonly deviceId: string;
  readonly deviceType: string;
  readonly country: string;
  readonly state: string;
}

export class Cast {
  private readonly options: CastOptions;
  /** Of each player of one round of `screens`, which user it is. */
  private readonly round: readonly number[];
  private readonly ids: ReadonlySet<string> | undefined;

  constructor(options: CastOptions) {
    this.options = options;
    this.round = options.screens.flatMap((count, user) => Array<number>(count).fill(user));
    this.ids = options.users && new Set(options.users);
  }

  /** The number of the user whom a player belongs to. All players of a user are played by one process. */
  userOf(player: number): number {
    const { screens, users } = this.options;
    const rounds = Math.floor(player / this.round.length);
    const user = rounds * screens.length + (this.round[player % this.round.length] as number);
    return users ? user % users.length : user;
  }

  /** How many users so many players belong to. */
  usersOf(players: number): number {
    const { users, ...options } = this.options;
    const needed = players === 0 ? 0 : new Cast(options).userOf(players - 1) + 1;
    return users ? Math.min(users.length, needed) : needed;
  }

  userId(user: number): string {
    return this.options.users?.[user] ?? `${this.options.prefix}-u${user}`;
  }

  /** Of a player without a socket: another user, unless tokens name the users. */
  httpUserId(user: number): string {
    return this.options.users?.[user] ?? `${this.options.prefix}-h${user}`;
  }

  streamId(stream: number): string {
    return stream === PREMIERE_STREAM ? `${this.options.prefix}-premiere` : `${this.options.prefix}-s${stream}`;
  }

  /** Popular streams draw most: the square favours the low numbers. */
  drawStream(random: Random): number {
    return Math.floor(random() ** 2 * this.options.streams);
  }

  traits(player: number): Traits {
    return {
      deviceId: `${this.options.prefix}-d${player}`,
      deviceType: DEVICES[player % DEVICES.length] as string,
      country: 'US',
      state: STATES[(player * 31) % STATES.length] as string,
    };
  }

  /** Ids of users for the list of a dashboard or a question, the same for the same number. */
  userIds(list: number, count: number, players: number): string[] {
    const random = seeded(list * SPREAD);
    const users = Math.max(1, this.usersOf(players));
    return Array.from({ length: count }, () => this.userId(below(random, users)));
  }

  /** Whether an id of a user is of this run. */
  has(userId: string): boolean {
    return this.ids ? this.ids.has(userId) : userId.startsWith(`${this.options.prefix}-`);
  }
}
