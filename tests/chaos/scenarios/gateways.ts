/** What happens to gateways, over one Redis. */
import type { FaultProxy } from '../../support/fault-proxy.ts';
import type { Rig } from '../rig/rig.ts';
import type { Scenario } from './scenario.ts';

const proxyOf = (rig: Rig, gateway: number): FaultProxy => rig.store.proxies[gateway] as FaultProxy;

/** @param mayLapse longer than the lease of its node. */
async function block(rig: Rig, ms: number, mayLapse = false): Promise<void> {
  const gateway = rig.gateway(rig.anyGateway());
  await rig.during(
    async () => {
      gateway.block(ms);
      // Until it knows of it, and has its sessions again where it may.
      await rig.pause(mayLapse ? ms + 2_000 : ms);
    },
    { gateway, mayLapse },
  );
}

export const GATEWAYS: readonly Scenario[] = [
  {
    name: 'calm',
    store: 'redis',
    history: 0,
    async act(rig) {
      for (let i = 0; i < 6; i++) {
        for (const screen of rig.players.some(0.1)) void screen.leave();
        await rig.pause(300, 800);
        await rig.players.watchAs(rig.players.newUser());
      }
    },
  },
  {
    name: 'gateway-kill',
    store: 'redis',
    history: 0,
    isShort: true,
    async act(rig) {
      const victim = rig.gateway(rig.anyGateway());
      await rig.pause(0, 500);
      await rig.kill(victim);
      // Some of its players do not come back.
      for (const screen of rig.players.some(0.2)) screen.vanish();
      await rig.pause(4_000, 6_000);
      await victim.launch();
    },
  },
  {
    name: 'rolling-restart',
    store: 'redis',
    history: 0,
    async act(rig) {
      for (const gateway of rig.gateways) {
        await rig.pause(0, 500);
        await gateway.stop();
        await gateway.launch();
      }
    },
  },
  {
    name: 'gateway-frozen',
    store: 'redis',
    history: 0,
    async act(rig) {
      const victim = rig.gateway(rig.anyGateway());
      await rig.during(
        async () => {
          victim.freeze();
          await rig.pause(5_000, 8_000);
          victim.thaw();
          // Until it knows of it, and has its sessions again where it may.
          await rig.pause(2_000);
        },
        { gateway: victim, mayLapse: true },
      );
    },
  },
  {
    name: 'gateway-loop-blocked',
    store: 'redis',
    history: 0,
    isBlockable: true,
    async act(rig) {
      for (let i = 0; i < 5; i++) {
        await block(rig, rig.between(800, 1_500));
        await rig.pause(300, 800);
      }
    },
  },
  {
    name: 'gateway-loop-blocked-long',
    store: 'redis',
    history: 0,
    isBlockable: true,
    async act(rig) {
      await block(rig, rig.between(5_000, 8_000), true);
    },
  },
  {
    name: 'gateway-cut-off',
    store: 'redis',
    history: 0,
    isShort: true,
    async act(rig) {
      const i = rig.anyGateway();
      const victim = rig.gateway(i);
      await rig.during(
        async () => {
          proxyOf(rig, i).blackhole = true;
          await rig.pause(2_000);
          // As players do whose screen went black: they come back, to a gateway that is well.
          rig.players.out.add(victim);
          for (const screen of rig.players.some(0.3)) screen.reconnect();
          await rig.pause(4_000, 6_000);
          proxyOf(rig, i).blackhole = false;
          await rig.pause(4_000);
          rig.players.out.delete(victim);
        },
        { gateway: victim, mayLapse: true },
      );
    },
  },
  {
    name: 'redis-half-open',
    store: 'redis',
    history: 0,
    async act(rig) {
      const i = rig.anyGateway();
      const victim = rig.gateway(i);
      await rig.during(
        async () => {
          proxyOf(rig, i).lose();
          await rig.pause(9_000);
        },
        { gateway: victim, mayLapse: true },
      );
    },
  },
  {
    name: 'reply-lost',
    store: 'redis',
    history: 0,
    async act(rig) {
      for (let i = 0; i < 6; i++) {
        const gateway = i % 3;
        await rig.during(
          async () => {
            proxyOf(rig, gateway).loseReplies();
            await rig.pause(300, 900);
            proxyOf(rig, gateway).reset();
            await rig.pause(1_000);
          },
          { gateway: rig.gateway(gateway) },
        );
        await rig.players.watchAs(rig.players.newUser());
      }
    },
  },
  {
    name: 'players-half-open',
    store: 'redis',
    history: 0,
    async act(rig) {
      const i = rig.anyGateway();
      const proxy = await rig.proxyPlayers(i);
      await rig.pause(1_000);
      for (const screen of rig.players.some(0.5)) screen.reconnect();
      await rig.pause(2_000);
      await rig.during(
        async () => {
          proxy.lose();
          // Until pings found it out.
          await rig.pause(2_500);
        },
        { gateway: rig.gateway(i) },
      );
      await rig.pause(6_000);
    },
  },
  {
    name: 'many-at-once',
    isAlone: true,
    store: 'redis',
    async act(rig) {
      // On a small machine they keep beats waiting for longer than half of a node's lease: a silence of the store.
      await rig.during(() => rig.players.crowd(5_000, 3_000));
    },
  },
  {
    name: 'dashboards-stop-reading',
    store: 'redis',
    async act(rig) {
      const deaf = await rig.deafDashboards(20);
      for (let i = 0; i < 20; i++) {
        for (const screen of rig.players.some(0.1)) void screen.leave();
        await rig.pause(100, 300);
        await rig.players.watchAs(rig.players.newUser());
      }
      for (const socket of deaf) socket.terminate();
    },
  },
  {
    name: 'replica',
    isAlone: true,
    store: 'redis',
    env: { REPLICA: 'on' },
    async act(rig) {
      const victim = rig.gateway(1);
      await rig.kill(victim);
      await rig.pause(1_000, 4_000);
      await victim.launch();
      await rig.during(async () => {
        await rig.store.redis.kill();
        await rig.pause(500, 1_500);
        await rig.store.redis.restart();
        await rig.pause(2_000);
      });
    },
  },
];
