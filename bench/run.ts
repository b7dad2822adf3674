/** `npm run bench -- core|gateway|http|history|replica|ghosts|survival [part]`: runs a scenario and prints its figures. */
import { type Figure, report } from './report.ts';
import { coreMemory, coreRedis } from './scenarios/core.ts';
import { gatewayAdmission, gatewayFanOut, gatewayMemory } from './scenarios/gateway.ts';
import { gatewayHold } from './scenarios/gateway-hold.ts';
import { ghostsOfGateway, ghostsOfPause, ghostsOfRollback, ghostsOfSockets } from './scenarios/ghosts.ts';
import { historyMariadb, historySqlite } from './scenarios/history.ts';
import { httpHeartbeat } from './scenarios/http-heartbeat.ts';
import { httpRoutes } from './scenarios/http-routes.ts';
import { httpStatus } from './scenarios/http-status.ts';
import { replicaRedis } from './scenarios/replica.ts';
import { survivalOfCluster, survivalOfFailover, survivalOfGateway } from './scenarios/survival.ts';

const SCENARIOS: Readonly<Record<string, Readonly<Record<string, () => Promise<Figure[]>>>>> = {
  core: { memory: coreMemory, redis: coreRedis },
  gateway: { memory: gatewayMemory, admission: gatewayAdmission, 'fan-out': gatewayFanOut, hold: gatewayHold },
  http: { status: httpStatus, heartbeat: httpHeartbeat, routes: httpRoutes },
  history: { sqlite: historySqlite, mariadb: historyMariadb },
  replica: { redis: replicaRedis },
  ghosts: { sockets: ghostsOfSockets, gateway: ghostsOfGateway, pause: ghostsOfPause, rollback: ghostsOfRollback },
  survival: { gateway: survivalOfGateway, failover: survivalOfFailover, cluster: survivalOfCluster },
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
report(name, part, figures);
process.exit(0);
