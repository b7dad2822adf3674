/** `--check`: what the settings name is there, and fits. Changes nothing for those who use it. */
import { checkRedis } from '../presence-core/index.ts';
import { countKeys } from './auth/jwks-fetch.ts';
import type { Config } from './config/config.ts';
import { hardlyMeant } from './config/hardly-meant.ts';
import { withoutPassword } from './config/without-password.ts';
import { parseDatabaseUrl, reachDatabase } from './history/index.ts';
import { openFilesLimit, shareOut } from './limits/descriptors.ts';
import { redisOptions } from './server.ts';
import { loadUws } from './transport/uws-module.ts';

export interface Finding {
  readonly level: 'ok' | 'warning' | 'fault';
  readonly about: string;
  readonly text: string;
}

/** Tokens end by this machine's clock, leases by that of Redis. */
const CLOCK_SLACK_MS = 5_000;

const KEYS_WAIT_MS = 3_000;

const finding = (level: Finding['level'], about: string, text: string): Finding => ({ level, about, text });

export async function checkSurroundings(config: Config): Promise<Finding[]> {
  const parts = [
    checkFiles(config),
    checkTransport(config),
    checkStore(config),
    checkHistory(config),
    checkKeys(config),
  ];
  const doubtful = hardlyMeant(config).map((text) => finding('warning', 'settings', text));
  return [...doubtful, ...(await Promise.all(parts)).flat()];
}

/** What `--check` prints. */
export function printedFindings(findings: readonly Finding[]): string {
  return findings.map(({ level, about, text }) => `${level.padEnd(8)} ${about}: ${text}\n`).join('');
}

/** What fails is a fault in its own words. */
async function tried(about: string, work: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await work();
  } catch (error) {
    return [finding('fault', about, (error as Error).message)];
  }
}

async function checkFiles({ maxSockets, roles }: Config): Promise<Finding[]> {
  if (!roles.includes('gateway')) return [];
  const openFiles = openFilesLimit();
  const { sockets, http } = shareOut(openFiles);
  const text = `${openFiles} may be open, which leaves ${sockets} for WebSockets`;
  if (maxSockets <= openFiles - http) return [finding('ok', 'open files', text)];
  return [finding('fault', 'open files', `${text}: MAX_SOCKETS is ${maxSockets}; raise ulimit -n or LimitNOFILE`)];
}

async function checkTransport({ transport, roles }: Config): Promise<Finding[]> {
  if (transport === 'ws' || !roles.includes('gateway')) return [];
  const uws = await loadUws();
  if (!(uws instanceof Error)) return [finding('ok', 'transport', 'uWebSockets.js')];
  const level = transport === 'uws' ? 'fault' : 'warning';
  return [finding(level, 'transport', 'uWebSockets.js does not load here: ws needs more memory and CPU')];
}

async function checkStore(config: Config): Promise<Finding[]> {
  if (config.redisUrl === '') return [finding('ok', 'store', 'in memory, for a single process')];
  return tried('Redis', async () => {
    const { version, library, clockAheadMs, warnings } = await checkRedis(redisOptions(config));
    const text = `${version} at ${withoutPassword(config.redisUrl)}, all commands permitted, functions ${library}, clock off by ${clockAheadMs} ms`;
    const findings = [finding('ok', 'Redis', text), ...warnings.map((warning) => finding('warning', 'Redis', warning))];
    if (Math.abs(clockAheadMs) > CLOCK_SLACK_MS) {
      const cure = 'synchronise both (NTP): tokens end by the clock of this machine';
      findings.push(finding('warning', 'clock', `Redis and this machine are ${clockAheadMs} ms apart; ${cure}`));
    }
    return findings;
  });
}

async function checkHistory({ databaseUrl, roles }: Config): Promise<Finding[]> {
  const location = parseDatabaseUrl(databaseUrl);
  if (location === undefined || !(roles.includes('history') || roles.includes('sidecar'))) return [];
  return tried('history', async () => [finding('ok', 'history', await reachDatabase(location))]);
}

async function checkKeys({ jwksUrl }: Config): Promise<Finding[]> {
  if (jwksUrl === '') return [];
  return tried('JWKS_URL', async () => [finding('ok', 'JWKS_URL', `${await countKeys(jwksUrl, KEYS_WAIT_MS)} keys`)]);
}
