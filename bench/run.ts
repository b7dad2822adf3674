/** `npm run bench -- <scenario> [part]`: runs a scenario and prints its figures. `--help` names scenarios and parts. */
import { type BenchCommand, type BenchOptions, OPTIONS_HELP, readCommand } from './options.ts';
import { type Figure, report } from './report.ts';
import { scaleChurn } from './scale/churn.ts';
import { scaleIdle } from './scale/idle.ts';
import { scaleLoss } from './scale/loss.ts';
import { scaleMemory } from './scale/memory.ts';
import { scaleSnapshots } from './scale/snapshots.ts';
import { scaleSockets } from './scale/sockets.ts';
import { scaleStats } from './scale/stats.ts';
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

type Part = (options: BenchOptions) => Promise<Figure[]>;

const SCENARIOS: Readonly<Record<string, Readonly<Record<string, Part>>>> = {
  core: { memory: coreMemory, redis: coreRedis },
  gateway: { memory: gatewayMemory, admission: gatewayAdmission, 'fan-out': gatewayFanOut, hold: gatewayHold },
  http: { status: httpStatus, heartbeat: httpHeartbeat, routes: httpRoutes },
  history: { sqlite: historySqlite, mariadb: historyMariadb },
  replica: { redis: replicaRedis },
  ghosts: { sockets: ghostsOfSockets, gateway: ghostsOfGateway, pause: ghostsOfPause, rollback: ghostsOfRollback },
  survival: { gateway: survivalOfGateway, failover: survivalOfFailover, cluster: survivalOfCluster },
  scale: {
    churn: scaleChurn,
    idle: scaleIdle,
    loss: scaleLoss,
    snapshots: scaleSnapshots,
    stats: scaleStats,
    memory: scaleMemory,
    sockets: scaleSockets,
  },
};

function helpText(): string {
  const width = Math.max(...Object.keys(SCENARIOS).map((name) => name.length));
  const lines = Object.entries(SCENARIOS).map(
    ([name, parts]) => `  ${name.padEnd(width)}  ${Object.keys(parts).join(', ')}`,
  );
  return `usage: npm run bench -- <scenario> [part] [options]\n\nscenarios and their parts:\n${lines.join('\n')}\n\n${OPTIONS_HELP}\n`;
}

/** Ends the process where there is nothing to run. */
function commandOrHelp(): BenchCommand {
  try {
    const command = readCommand(process.argv.slice(2), process.env);
    if (command.isHelp) {
      process.stdout.write(helpText());
      process.exit(0);
    }
    const parts = SCENARIOS[command.scenario];
    if (!parts) throw new Error(`no such scenario: '${command.scenario}'`);
    if (command.part !== undefined && !parts[command.part]) throw new Error(`no such part: '${command.part}'`);
    return command;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${helpText()}`);
    process.exit(2);
  }
}

const command = commandOrHelp();
const figures: Figure[] = [];
for (const [name, run] of Object.entries(SCENARIOS[command.scenario] ?? {})) {
  if (command.part === undefined || command.part === name) figures.push(...(await run(command)));
}
report(command.scenario, command.part, figures);
process.exit(0);
