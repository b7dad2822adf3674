/** What `--dry-run` prints: the plan in words, and how many acts of each kind it has. */
import { mixText } from './mix.ts';
import type { LoadOptions } from './options.ts';
import { plan, planMs, rampPlayers } from './plan.ts';
import { STORMS } from './storm.ts';
import { dashboardsText } from './topics.ts';
import { duration, number } from './units.ts';
import { castOf } from './world.ts';

const TOKENS = {
  none: 'none',
  secret: 'signed here (HS256)',
  list: 'from a file',
  command: 'from a command',
} as const;

export function planHead(options: LoadOptions, processes: number): string {
  const { players, rampMs, holdMs, rate, mix, storm, stormAtMs, stormOverMs, dashboards, statusRate, http } = options;
  const users = castOf(options).usersOf(players);
  const lines = [
    `${options.url}${http === undefined ? '' : `, ${http}`}`,
    `  players     ${number(players)} of ${number(users)} users (screens ${options.screens.join(',')})`,
    `  ramp        ${duration(rampMs)}: ${rampMs === 0 ? 'all at once' : `${number((rampPlayers(options) * 1_000) / rampMs)} players/s`}`,
    `  hold        ${duration(holdMs)}: ${number(rate)} acts/s, ${mixText(mix)}`,
  ];
  if (storm)
    lines.push(`  storm       ${storm}, ${duration(stormAtMs)} into the hold: ${stormText(storm, stormOverMs)}`);
  if (dashboards.length > 0) lines.push(`  dashboards  ${dashboardsText(dashboards)}`);
  if (statusRate > 0) lines.push(`  status      ${number(statusRate)}/s of ${number(options.statusIds)} ids`);
  lines.push(`  tokens      ${TOKENS[options.tokens.kind]}${options.apiKey ? '; HTTP by API key' : ''}`);
  lines.push(`  generator   ${processes} ${processes === 1 ? 'process' : 'processes'}, seed ${options.seed}`);
  return lines.join('\n');
}

const stormText = (storm: keyof typeof STORMS, overMs: number): string =>
  STORMS[storm].replace('--storm-over', duration(overMs));

/** Goes through the whole plan. */
export function planText(options: LoadOptions, processes: number): string {
  const acts = new Map<string, number>();
  let here = 0;
  let most = 0;
  let total = 0;
  for (const { act, isStorm } of plan(options, castOf(options))) {
    const name = isStorm ? `${act} (storm)` : act;
    acts.set(name, (acts.get(name) ?? 0) + 1);
    total += 1;
    if (act === 'join') here += 1;
    if (act === 'leave') here -= 1;
    most = Math.max(most, here);
  }
  const rows = [...acts].map(([act, count]) => `    ${act.padEnd(20)}${number(count)}`);
  return `${planHead(options, processes)}
  acts        ${number(total)} in ${duration(planMs(options))}; at most ${number(most)} players, ${number(here)} at the end
${rows.join('\n')}
`;
}
