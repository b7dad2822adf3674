/** What may happen in a world of nodes, players and faults. */
import fc from 'fast-check';
import type { VirtualTime } from '../../support/virtual-time.ts';
import { USERS, type World } from './world.ts';

const NODES = [0, 1, 2];

const user = fc.constantFrom(...USERS);
const node = fc.constantFrom(...NODES);
/** Of the sockets that are open then. */
const which = fc.nat(7);
const ms = fc.constantFrom<number[]>(300, 1_500, 4_000, 7_000, 12_000, 45_000);

const connect = fc.record({
  act: fc.constant('connect' as const),
  userId: user,
  sessionId: fc.constantFrom<string[]>('a', 'a', 'b', 'c'),
  node,
  onLimit: fc.constantFrom('reject', 'evict-oldest'),
  policy: fc.constantFrom('open', 'closed'),
  by: fc.constantFrom('token', 'resume', 'resume', 'return'),
});
const cut = fc.record({ act: fc.constant('cut' as const), which });
const leave = fc.record({ act: fc.constant('leave' as const), which });
const update = fc.record({ act: fc.constant('update' as const), which, streamId: fc.constantFrom('x', 'y') });
const kick = fc.record({ act: fc.constant('kick' as const), userId: user, node });
const wait = fc.record({
  act: fc.constant('wait' as const),
  ms: fc.constantFrom<number[]>(0, 3, 20, 400, 1_200, 3_500, 11_000, 32_000),
});
const link = fc.record({
  act: fc.constant('link' as const),
  node: fc.constantFrom<(number | 'all')[]>(...NODES, 'all'),
  state: fc.constantFrom('refused', 'silent', 'silent', 'deaf'),
  ms,
});
const fence = fc.record({ act: fc.constant('fence' as const), node });
const forget = fc.record({ act: fc.constant('forget' as const) });
const rollBack = fc.record({ act: fc.constant('rollBack' as const), ms });
const restart = fc.record({ act: fc.constant('restart' as const), node, isClean: fc.boolean() });

const act = fc.oneof(
  { weight: 10, arbitrary: connect },
  { weight: 4, arbitrary: cut },
  { weight: 2, arbitrary: leave },
  { weight: 2, arbitrary: update },
  { weight: 2, arbitrary: kick },
  { weight: 8, arbitrary: wait },
  { weight: 5, arbitrary: link },
  { weight: 1, arbitrary: fence },
  { weight: 1, arbitrary: forget },
  { weight: 2, arbitrary: rollBack },
  { weight: 1, arbitrary: restart },
);

export type WorldAct = typeof act extends fc.Arbitrary<infer A> ? A : never;

export const story = (most: number): fc.Arbitrary<WorldAct[]> => fc.array(act, { maxLength: most, size: 'max' });

export async function perform(world: World, time: VirtualTime, done: WorldAct): Promise<void> {
  switch (done.act) {
    case 'connect':
      world.connect(done);
      break;
    case 'cut':
    case 'leave':
    case 'update': {
      const open = world.openClients();
      const client = open[done.which % open.length];
      if (!client) break;
      if (done.act === 'cut') world.cut(client);
      else if (done.act === 'leave') world.leave(client);
      else world.update(client, done.streamId);
      break;
    }
    case 'kick':
      world.kick(done.userId, done.node);
      break;
    case 'wait':
      await time.pass(done.ms);
      break;
    case 'link':
      world.setLink(done.node, done.state, done.ms);
      break;
    case 'fence':
      world.fence(done.node);
      break;
    case 'forget':
      world.forget();
      break;
    case 'rollBack':
      await world.rollBack(done.ms);
      break;
    case 'restart':
      world.restart(done.node, done.isClean);
      break;
    default:
      done satisfies never;
  }
}
