/** `npm run bench -- core [memory|redis]`: runs a scenario and prints its figures. */
import { type Figure, report } from './report.ts';
import { coreMemory, coreRedis } from './scenarios/core.ts';

const SCENARIOS: Readonly<Record<string, Readonly<Record<string, () => Promise<Figure[]>>>>> = {
  core: { memory: coreMemory, redis: coreRedis },
};

const [name = '', part] = process.argv.slice(2);
const scenario = SCENARIOS[name];
if (!scenario || (part !== undefined && !scenario[part])) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(SCENARIOS).join('|')} [part]\n`);
  process.exit(2);
}
const figures: Figure[] = [];
for (const [key, run] of Object.entries(scenario)) {
  if (part === undefined || part === key) figures.push(...(await run()));
}
report(part ? `${name}-${part}` : name, figures);
process.exit(0);
