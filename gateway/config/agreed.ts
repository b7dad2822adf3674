/** Settings that should be equal in all processes of a deployment; a start warns of those that are not. */
import { describeConfig } from './config.ts';
import { type Config, type SettingName, variableOf } from './settings.ts';

/** What differs when they do: */
const AGREED: readonly SettingName[] = [
  // who is admitted depends on the node that a player happens to reach;
  'maxStreams',
  'onLimit',
  'deviceTakeover',
  'outagePolicy',
  // and so does who may ask;
  'auth',
  'jwtIssuer',
  'jwtAudience',
  'jwtUserClaim',
  'jwtScopeClaim',
  'jwtLimitClaim',
  // how long sessions, and those of a lost node, are held;
  'nodeLeaseMs',
  'sessionLeaseMs',
  'resumeGraceMs',
  'heartbeatTtlMs',
  'guardTtlMs',
  // what is kept in Redis, where each call trims by its process' constants;
  'logMax',
  'seenMax',
  // where history is, and how long its shortest-lived writer leaves it.
  'databaseUrl',
  'historyDays',
  'concurrencyDays',
  'analyticsDays',
];

/** By variable. Passwords are left out. */
export function agreedSettings(config: Config): Record<string, string> {
  const shown = describeConfig(config);
  return Object.fromEntries(AGREED.map((name) => [variableOf(name), String(shown[name])]));
}
