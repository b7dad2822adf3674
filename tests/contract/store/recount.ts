/** Counts the live sessions one by one and insists that the store's counters say the same (P12). */
import { expect } from '@jest/globals';
import type { PresenceStore } from '../../../presence-core/index.ts';
import type { Session } from '../../../presence-core/session.ts';

type Facet = 'stream' | 'deviceType' | 'country' | 'state';

const KEYS: Readonly<Record<Facet, (session: Session) => string | undefined>> = {
  stream: (session) => session.streamId,
  deviceType: (session) => session.deviceType,
  country: (session) => session.country,
  state: ({ country, state }) => (country === undefined || state === undefined ? undefined : `${country}/${state}`),
};

/** At a quiet moment; `userIds` are all users there may be. */
export async function expectCountsToEqualRecount(store: PresenceStore, userIds: readonly string[]): Promise<void> {
  const statuses = await store.reads.status(userIds);
  const users = await store.reads.sessions(userIds);
  const sessions = users.flatMap((user) => user.sessions);
  expect(await store.reads.counts([{ by: 'total' }])).toEqual([
    { users: statuses.filter((status) => status.online).length, sessions: sessions.length },
  ]);
  for (const [facet, keyOf] of Object.entries(KEYS) as [Facet, (session: Session) => string | undefined][]) {
    const top = await store.reads.top(facet, 1000);
    expect(top).toEqual(recount(sessions, keyOf));
    const dimensions = top.map(({ key }) => {
      const [country = '', state = ''] = key.split('/');
      return facet === 'state' ? { by: facet, country, state } : { by: facet, key };
    });
    expect(await store.reads.counts(dimensions)).toEqual(
      top.map((item) => ({ users: item.users, sessions: item.sessions })),
    );
  }
}

function recount(sessions: readonly Session[], keyOf: (session: Session) => string | undefined) {
  const keys = [...new Set(sessions.map(keyOf))].filter((key) => key !== undefined);
  return keys
    .map((key) => {
      const having = sessions.filter((session) => keyOf(session) === key);
      return { key, sessions: having.length, users: new Set(having.map((session) => session.userId)).size };
    })
    .sort((a, b) => b.sessions - a.sessions || (a.key < b.key ? -1 : 1));
}
