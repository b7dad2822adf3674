/** What operators do while players watch, and what happens to the database meanwhile. */
import type { ChaosDatabase } from '../rig/database.ts';
import { noFormer } from '../rig/former.ts';
import type { Rig } from '../rig/rig.ts';
import { admin } from './admin.ts';
import { churn } from './churn.ts';
import type { Scenario } from './scenario.ts';

const USER = 'presence';
const [OLD, NEW] = ['an-old-password', 'a-new-password'];

/** One after the other: each is stopped in order, and starts with the new password. */
async function changePassword(rig: Rig, password: string): Promise<void> {
  for (const [i, gateway] of rig.gateways.entries()) {
    gateway.set({ REDIS_URL: `redis://${USER}:${password}@127.0.0.1:${rig.store.proxies[i]?.port}` });
    await gateway.stop();
    await gateway.launch();
    await churn(rig, 2);
  }
}

/** The writer of history is killed while the database is away, and starts again before that is back. */
async function databaseAway(rig: Rig): Promise<void> {
  const database = rig.database as ChaosDatabase;
  const writer = rig.gateway(0);
  await database.leave();
  await churn(rig, 6);
  await rig.kill(writer);
  for (const screen of rig.players.some(0.2)) screen.vanish();
  await rig.pause(2_000, 4_000);
  const launched = writer.launch();
  await rig.pause(3_000);
  await database.comeBack();
  await launched;
  await churn(rig, 4);
  // Of what the former writer had taken nobody knows that it is lost before that is overdue (P17).
  await rig.pause(10_000);
}

export const OPERATION: readonly Scenario[] = [
  {
    name: 'password-rotation',
    store: 'redis',
    history: 0,
    isAlone: true,
    async act(rig) {
      await admin(rig, (client) => client.call('ACL', 'SETUSER', USER, 'on', `>${OLD}`, '~*', '&*', '+@all'));
      await changePassword(rig, OLD);
      await admin(rig, (client) => client.call('ACL', 'SETUSER', USER, `>${NEW}`));
      await changePassword(rig, NEW);
      await admin(rig, (client) => client.call('ACL', 'SETUSER', USER, `<${OLD}`));
      // Whoever connects now has to have the new one.
      await rig.during(async () => {
        for (const proxy of rig.store.proxies) proxy.reset();
        await rig.pause(1_000);
      });
      await churn(rig, 4);
    },
  },
  {
    name: 'rolling-upgrade',
    store: 'redis',
    history: 0,
    isAlone: true,
    isFormer: true,
    lacks: noFormer,
    async act(rig) {
      for (const gateway of rig.gateways) {
        await churn(rig, 4);
        await gateway.stop();
        gateway.upgrade();
        await gateway.launch();
      }
      await churn(rig, 4);
    },
  },
  { name: 'database-locked', store: 'redis', history: 0, isAlone: true, act: databaseAway },
  { name: 'database-killed', store: 'redis', history: 0, database: 'mariadb', isAlone: true, act: databaseAway },
];
