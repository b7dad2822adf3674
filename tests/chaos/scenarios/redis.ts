/** What happens to one Redis. */
import type { Exempt } from '../checker/checker.ts';
import { admin } from './admin.ts';
import { churn } from './churn.ts';
import type { Scenario } from './scenario.ts';

/** What Redis lost before a writer had read it is in no history. */
const LOST_LOG: Exempt = { I7: 'what ended and was lost with the log before it was read is in no history' };

export const ONE_REDIS: readonly Scenario[] = [
  {
    name: 'redis-killed-empty',
    store: 'redis',
    exempt: LOST_LOG,
    isShort: true,
    async act(rig) {
      await rig.during(async () => {
        await rig.store.redis.kill();
        await rig.pause(500, 4_000);
        await rig.store.redis.restart();
        await rig.pause(2_000);
      });
    },
  },
  {
    name: 'redis-older-snapshot',
    store: 'redis',
    exempt: LOST_LOG,
    async act(rig) {
      // Also who left since is there again for a moment.
      await rig.during(async () => {
        await admin(rig, (client) => client.save());
        await churn(rig, 8);
        await rig.store.redis.kill();
        await rig.pause(200, 1_000);
        await rig.store.redis.restart();
        await rig.pause(3_000);
      });
    },
  },
  {
    name: 'redis-frozen',
    store: 'redis',
    history: 0,
    isShort: true,
    async act(rig) {
      await rig.during(async () => {
        rig.store.redis.process?.kill('SIGSTOP');
        void churn(rig, 6);
        await rig.pause(10_000);
        rig.store.redis.process?.kill('SIGCONT');
        await rig.pause(2_000);
      });
    },
  },
  {
    name: 'redis-paused',
    store: 'redis',
    history: 0,
    async act(rig) {
      for (let i = 0; i < 3; i++) {
        const ms = Math.round(rig.between(500, 4_000));
        await rig.during(async () => {
          await admin(rig, (client) => client.call('CLIENT', 'PAUSE', String(ms), 'ALL'));
          await churn(rig, 2);
          await rig.pause(ms + 2_000);
        });
      }
    },
  },
  {
    name: 'functions-flush',
    store: 'redis',
    history: 0,
    async act(rig) {
      for (let i = 0; i < 10; i++) {
        await admin(rig, (client) => client.call('FUNCTION', 'FLUSH'));
        await churn(rig, 1);
      }
    },
  },
  {
    name: 'flushall',
    store: 'redis',
    exempt: LOST_LOG,
    async act(rig) {
      await rig.during(async () => {
        await admin(rig, (client) => client.flushall());
        await rig.pause(3_000);
      });
    },
  },
  {
    name: 'redis-out-of-memory',
    store: 'redis',
    history: 0,
    async act(rig) {
      await rig.during(async () => {
        await admin(rig, (client) => client.config('SET', 'maxmemory', '1'));
        await churn(rig, 6);
        await rig.pause(4_000);
        await admin(rig, (client) => client.config('SET', 'maxmemory', '0'));
        await rig.pause(2_000);
      });
    },
  },
  {
    name: 'redis-slow',
    store: 'redis',
    history: 0,
    async act(rig) {
      await rig.during(async () => {
        for (const proxy of rig.store.proxies) proxy.delayMs = 300;
        await churn(rig, 10);
        await rig.pause(5_000);
        for (const proxy of rig.store.proxies) proxy.delayMs = 0;
        await rig.pause(1_000);
      });
    },
  },
];
