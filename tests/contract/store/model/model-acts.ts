/** The acts of the model suite: each is done to the store and to the model, and the answers are compared. */
import fc from 'fast-check';
import type {
  CloseRequest,
  OpenRequest,
  OwnedRef,
  RenewRequest,
  SessionRef,
  UpdateRequest,
} from '../../../../presence-core/index.ts';
import type { Attributes, Displaced, Owner } from '../../../../presence-core/session.ts';
import { PRESENCE_ONLY } from '../../../../presence-core/session.ts';
import type { ModelComparison } from './model-comparison.ts';
import { type PresenceModel, USERS } from './model-state.ts';

const SESSIONS = ['a', 'b', 'c', 'd'];

export interface Times {
  readonly leasesMs: readonly number[];
  /** Each node beats with one lease. */
  readonly nodeLeasesMs: Readonly<Record<string, number>>;
  readonly waitsMs: readonly number[];
}

type Act = fc.AsyncCommand<PresenceModel, ModelComparison>;

/** An act, and after it a look at all users. */
function act(
  title: string,
  run: (comparison: ModelComparison) => Promise<void>,
  check?: (model: Readonly<PresenceModel>) => boolean,
): Act {
  return {
    check: (model) => check === undefined || check(model),
    run: async (_, comparison) => {
      await comparison.waitOutShortLeases();
      await run(comparison);
      await comparison.compareUsers();
    },
    toString: () => title,
  };
}

const user = fc.constantFrom(...USERS);
const session = fc.constantFrom(...SESSIONS);
const ref = {
  userId: user,
  sessionId: fc.oneof({ weight: 9, arbitrary: session }, { weight: 1, arbitrary: fc.constant(PRESENCE_ONLY) }),
};
/** The keeper never quits: in real time it beats all along. */
const node = fc.constantFrom('n', 'm', 'o', 'keeper', 'keeper');
const quittingNode = fc.constantFrom('n', 'm', 'o');
const socketOwner = fc.record({ nodeId: node, connection: fc.integer({ min: 1, max: 2 }) });
const owner: fc.Arbitrary<Owner> = fc.oneof(
  { weight: 3, arbitrary: socketOwner },
  { weight: 2, arbitrary: fc.constantFrom<Owner>('heartbeat', 'guard') },
);
/** Mostly whoever holds the session when the act is done: else acts by its holder would be rare. */
const HOLDER = 'holder';
type ActingOwner = Owner | typeof HOLDER;
const actingOwner: fc.Arbitrary<ActingOwner> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(HOLDER) },
  { weight: 1, arbitrary: owner },
);
const attributes: fc.Arbitrary<Attributes> = fc.record(
  {
    streamId: fc.constantFrom('x', 'y'),
    deviceId: fc.constantFrom('d1', 'd2'),
    deviceType: fc.constantFrom('tv', 'phone'),
    country: fc.constantFrom('DE', 'AT'),
    state: fc.constantFrom('N', 'S'),
    meta: fc.constantFrom({ app: '1' }, { app: '2' }),
  },
  { requiredKeys: [] },
);

/** Every kind of act, the ones that matter most more often. */
export function actsOf({ leasesMs, nodeLeasesMs, waitsMs }: Times): fc.Arbitrary<Act>[] {
  const leaseMs = fc.constantFrom(...leasesMs);
  const openRequest: fc.Arbitrary<OpenRequest> = fc.record(
    {
      userId: user,
      sessionId: session,
      attributes,
      owner,
      leaseMs,
      intent: fc.constantFrom('fresh', 'fresh', 'fresh', 'resume', 'beat', 'restore'),
      startedAt: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_003 }),
      segment: fc.integer({ min: 0, max: 4 }),
      segmentStartedAt: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_009 }),
      limit: fc.integer({ min: 1, max: 4 }),
      onLimit: fc.constantFrom('reject', 'evict-oldest'),
      replace: fc.array(session, { maxLength: 2 }),
      socketWas: fc.constantFrom('held', 'late'),
    },
    { requiredKeys: ['userId', 'sessionId', 'attributes', 'owner', 'leaseMs', 'intent'] },
  );
  const returning = fc.record({
    userId: user,
    sessionId: session,
    attributes,
    owner: fc.constantFrom('heartbeat', 'guard'),
    leaseMs,
    intent: fc.constantFrom('beat', 'resume'),
    returns: fc.constant(true),
  });
  const mark: fc.Arbitrary<OpenRequest> = fc.record({
    userId: user,
    sessionId: fc.constant(PRESENCE_ONLY),
    attributes,
    owner: fc.constant('presence'),
    leaseMs,
    intent: fc.constant('beat'),
  });
  const renewal = fc.record({ ...ref, owner: actingOwner, leaseMs });
  const detachment = fc.record({ ...ref, owner: actingOwner });
  const update = fc.record(
    { ...ref, attributes, owner: actingOwner },
    { requiredKeys: ['userId', 'sessionId', 'attributes'] },
  );
  const closing = fc.record(
    { ...ref, reason: fc.constantFrom('left', 'timeout', 'kicked'), owner: actingOwner },
    { requiredKeys: ['userId', 'sessionId', 'reason'] },
  );
  const override = fc.tuple(user, fc.option(fc.integer({ min: 1, max: 4 })));
  const weighted: [number, fc.Arbitrary<Act>][] = [
    [16, openRequest.map(openAct)],
    [2, mark.map(openAct)],
    [2, returning.map(openAct)],
    [3, fc.array(renewal, { minLength: 1, maxLength: 3 }).map(renewAct)],
    [3, fc.tuple(detachment, leaseMs).map(([asked, graceMs]) => detachAct(asked, graceMs))],
    [4, update.map(updateAct)],
    [3, closing.map(closeAct)],
    [1, user.map(kickAct)],
    [2, fc.constant(act('sweep', (comparison) => comparison.sweep()))],
    [1, override.map(([userId, max]) => overrideAct(userId, max))],
    [3, node.map((nodeId) => joinAct(nodeId, nodeLeasesMs[nodeId] ?? 0))],
    [2, node.map((nodeId) => beatAct(nodeId, nodeLeasesMs[nodeId] ?? 0))],
    [1, quittingNode.map(quitAct)],
    [3, fc.constantFrom(...waitsMs).map((ms) => act(`wait ${ms}`, (comparison) => comparison.wait(ms)))],
  ];
  return weighted.flatMap(([weight, arbitrary]) => Array<fc.Arbitrary<Act>>(weight).fill(arbitrary));
}

type ByHolder<T extends { readonly owner?: Owner }> = Omit<T, 'owner'> & SessionRef & { readonly owner?: ActingOwner };

function acting(
  model: Readonly<PresenceModel>,
  asked: SessionRef & { readonly owner?: ActingOwner },
): Owner | undefined {
  return asked.owner === HOLDER ? model.holderOf(asked) : asked.owner;
}

function openAct(request: OpenRequest): Act {
  return act(`open ${JSON.stringify(request)}`, async (comparison) => {
    comparison.gave(request.leaseMs);
    const expected = comparison.model.open(request);
    const real = await comparison.held.store.sessions.open(request);
    if (comparison.isRealTime && real.outcome === 'opened' && expected.outcome === 'opened') {
      comparison.model.adoptStart(real.startedAt);
      comparison.compare({ ...real, startedAt: 0 }, { ...expected, startedAt: 0 });
    } else {
      comparison.compare(real, expected);
    }
  });
}

function renewAct(asked: readonly ByHolder<RenewRequest>[]): Act {
  return act(`renew ${JSON.stringify(asked)}`, async (comparison) => {
    const requests = asked.map((one) => ({ ...one, owner: acting(comparison.model, one) ?? 'none' }));
    for (const { leaseMs } of requests) comparison.gave(leaseMs);
    const expected = requests.map((request) => comparison.model.renew(request));
    comparison.compare(await comparison.held.store.sessions.renew(requests), expected);
  });
}

/** Only sockets detach. */
function detachAct(asked: ByHolder<OwnedRef>, graceMs: number): Act {
  return act(
    `detach ${JSON.stringify(asked)} ${graceMs}`,
    async (comparison) => {
      comparison.gave(graceMs);
      const request = { ...asked, owner: acting(comparison.model, asked) ?? 'none' };
      const expected = comparison.model.detach(request, graceMs);
      comparison.compare(await comparison.held.store.sessions.detach([request], graceMs), [expected]);
    },
    (model) => typeof acting(model, asked) === 'object',
  );
}

function updateAct(asked: ByHolder<UpdateRequest>): Act {
  return act(`update ${JSON.stringify(asked)}`, async (comparison) => {
    const request = { ...asked, owner: acting(comparison.model, asked) };
    const expected = comparison.model.update(request);
    comparison.compare(await comparison.held.store.sessions.update(request), expected);
  });
}

function closeAct(asked: ByHolder<CloseRequest>): Act {
  return act(`close ${JSON.stringify(asked)}`, async (comparison) => {
    const request = { ...asked, owner: acting(comparison.model, asked) };
    const expected = comparison.model.close(request);
    comparison.compare(await comparison.held.store.sessions.close(request), expected);
  });
}

/** The rules leave the order open in which one act ends a user's sessions. */
function bySession(displaced: readonly Displaced[]): Displaced[] {
  return displaced.toSorted((a, b) => (a.session.sessionId < b.session.sessionId ? -1 : 1));
}

function kickAct(userId: string): Act {
  return act(`kick ${userId}`, async (comparison) => {
    const expected = comparison.model.kick(userId);
    comparison.compare(bySession(await comparison.held.store.sessions.kick(userId)), bySession(expected));
  });
}

function overrideAct(userId: string, max: number | null): Act {
  return act(`override ${userId} ${max}`, async (comparison) => {
    comparison.model.setLimitOverride(userId, max);
    await comparison.held.store.limits.setOverride(userId, max);
    comparison.compare(await comparison.held.store.limits.override(userId), max);
  });
}

function joinAct(nodeId: string, leaseMs: number): Act {
  return act(
    `join ${nodeId} ${leaseMs}`,
    async (comparison) => {
      comparison.gave(leaseMs);
      const expected = comparison.model.join(nodeId, leaseMs);
      comparison.compare((await comparison.held.store.nodes.join(nodeId, leaseMs)).outcome, expected);
    },
    (model) => model.canJoin(nodeId),
  );
}

function beatAct(nodeId: string, leaseMs: number): Act {
  return act(`beat ${nodeId} ${leaseMs}`, async (comparison) => {
    comparison.gave(leaseMs);
    const expected = comparison.model.beat(nodeId, leaseMs);
    comparison.compare((await comparison.held.store.nodes.beat(nodeId, leaseMs)).outcome, expected);
  });
}

/** The sweep ends what the node still held, where `quit` leaves it to that. */
function quitAct(nodeId: string): Act {
  return act(`quit ${nodeId}`, async (comparison) => {
    comparison.model.quit(nodeId);
    await comparison.held.store.nodes.quit(nodeId);
    await comparison.sweep();
  });
}
