/** `npm run demo`: the whole product in one process, with simulated players and a line on what they do. */
import { main } from '../gateway/command.ts';
import { simulatePlayers } from './simulated-players.ts';

const PLAYERS = Number(process.env.DEMO_PLAYERS ?? 60);
const REPORT_MS = 5_000;

// What simulated players watched is nobody's history.
process.env.DATABASE_URL ??= 'sqlite:./data/demo.db';

await main((server) => {
  const wsPort = server.wsPort as number;
  const httpPort = server.httpPort as number;
  simulatePlayers({ wsPort, httpPort, players: PLAYERS });
  process.stdout.write(`${PLAYERS} simulated players; try: curl 'http://127.0.0.1:${httpPort}/stats/top?by=stream'\n`);
  const get = async (path: string): Promise<Record<string, unknown>> =>
    (await (await fetch(`http://127.0.0.1:${httpPort}${path}`)).json()) as Record<string, unknown>;
  const report = async (): Promise<void> => {
    const [online, top] = await Promise.all([get('/online'), get('/stats/top?by=stream&limit=3')]);
    const items = top.items as { key: string; sessions: number }[];
    const streams = items.map((item) => `${item.key} ${item.sessions}`).join(', ');
    process.stdout.write(`online: ${online.users} users, ${online.sessions} sessions; top: ${streams}\n`);
  };
  setInterval(() => void report().catch(() => {}), REPORT_MS);
});
