/** Tokens of players and dashboards: signed here, from a list, or from a command. */
import { exec } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { promisify } from 'node:util';

export type TokenSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'secret'; readonly secret: string; readonly claims: Readonly<Record<string, unknown>> }
  | { readonly kind: 'list'; readonly tokens: readonly string[] }
  | { readonly kind: 'command'; readonly command: string };

export type TokenScope = 'presence:player' | 'presence:read';

const COMMAND_TIMEOUT_MS = 10_000;
/** A command in a shell takes milliseconds: so many run at once. */
const COMMANDS_AT_ONCE = 8;

const base64Url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = base64Url({ alg: 'HS256', typ: 'JWT' });

/** @param lifeMs until it expires. */
export function signed(
  secret: string,
  claims: Readonly<Record<string, unknown>>,
  lifeMs: number,
  now = Date.now(),
): string {
  const issuedAtS = Math.floor(now / 1_000);
  const payload = base64Url({ iat: issuedAtS, exp: issuedAtS + Math.ceil(lifeMs / 1_000), ...claims });
  const text = `${HEADER}.${payload}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

/** What a token says, without checking it. @throws Error if it is no JWT. */
export function claimsOf(token: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
  } catch {
    throw new Error(`'${token.slice(0, 12)}…' is not a JWT`);
  }
}

const hasScope = (token: string, scope: string): boolean =>
  [claimsOf(token).scope].flat().some((words) => String(words).split(' ').includes(scope));

/** Tokens of a list that are of players: their users are who takes part. @throws Error if there is none. */
export function listedUsers(tokens: readonly string[]): string[] {
  const players = tokens.filter((token) => hasScope(token, 'presence:player') || hasScope(token, 'presence:admin'));
  if (players.length === 0) throw new Error('no token of the list has the scope presence:player');
  return [...new Set(players.map((token) => String(claimsOf(token).sub)))];
}

export class Tokens {
  private readonly source: TokenSource;
  private readonly lifeMs: number;
  private readonly byUser = new Map<string, string>();
  private reader: string | undefined;
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  /** @param lifeMs of signed tokens. */
  constructor(source: TokenSource, lifeMs: number) {
    this.source = source;
    this.lifeMs = lifeMs;
    if (source.kind !== 'list') return;
    for (const token of source.tokens) {
      if (hasScope(token, 'presence:read') || hasScope(token, 'presence:admin')) this.reader ??= token;
      this.byUser.set(String(claimsOf(token).sub), token);
    }
  }

  /** @returns nothing without authentication. Rejects when a command fails. */
  async of(userId: string, scope: TokenScope): Promise<string | undefined> {
    const { source } = this;
    switch (source.kind) {
      case 'none':
        return undefined;
      case 'secret':
        return signed(source.secret, { sub: userId, scope, ...source.claims }, this.lifeMs);
      case 'list':
        return scope === 'presence:read' ? this.reader : this.byUser.get(userId);
      case 'command':
        return this.byCommand(source.command, userId, scope);
    }
  }

  /** Kept for the user's other players, unless it is soon over. */
  private async byCommand(command: string, userId: string, scope: TokenScope): Promise<string> {
    const key = `${scope} ${userId}`;
    const known = this.byUser.get(key);
    if (known && lastsFor(known) > COMMAND_TIMEOUT_MS) return known;
    while (this.running >= COMMANDS_AT_ONCE) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running += 1;
    try {
      const env = { ...process.env, LOAD_USER: userId, LOAD_SCOPE: scope };
      const { stdout } = await promisify(exec)(command, { env, timeout: COMMAND_TIMEOUT_MS });
      const token = stdout.trim();
      if (token === '') throw new Error('it printed nothing');
      this.byUser.set(key, token);
      return token;
    } catch (error) {
      throw new Error(`--token-command: ${(error as Error).message.split('\n', 1)[0]}`);
    } finally {
      this.running -= 1;
      this.waiting.shift()?.();
    }
  }
}

/** @returns ms; for ever of what is no JWT, or has no end. */
function lastsFor(token: string): number {
  try {
    const { exp } = claimsOf(token);
    return typeof exp === 'number' ? exp * 1_000 - Date.now() : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
