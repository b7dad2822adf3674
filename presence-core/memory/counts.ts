/**
 * Live sessions and distinct users per stream, device type, country and state (P12). A user is counted once however
 * many of their sessions share a key, so each step is told the user's other sessions.
 *
 * The keys of the counters double as the interned strings of the sessions: a million sessions share a few hundred.
 */

import type { Count, Dimension, TopBy, TopItem } from '../store/reads.ts';
import { topOf } from '../top-of.ts';

/** What is counted of a session. */
export interface CountedSession {
  readonly isMark: boolean;
  streamId: string | undefined;
  deviceType: string | undefined;
  country: string | undefined;
  state: string | undefined;
}

class Counter {
  readonly key: string;
  readonly label: string;
  users = 0;
  sessions = 0;

  constructor(key: string, label: string) {
    this.key = key;
    this.label = label;
  }
}

export class MemoryCounts {
  readonly #total = new Counter('', '');
  readonly #facets: Readonly<Record<TopBy, Map<string, Counter>>> = {
    stream: new Map(),
    deviceType: new Map(),
    country: new Map(),
    state: new Map(),
  };

  add(row: CountedSession, others: readonly CountedSession[]): void {
    if (others.length === 0) this.#total.users += 1;
    if (row.isMark) return;
    this.#total.sessions += 1;
    const { streamId, deviceType, country, state } = row;
    if (streamId !== undefined) row.streamId = this.#up('stream', streamId, streamId, others);
    if (deviceType !== undefined) row.deviceType = this.#up('deviceType', deviceType, deviceType, others);
    if (country === undefined) return;
    row.country = this.#up('country', country, country, others);
    if (state !== undefined) row.state = this.#up('state', `${country}/${state}`, state, others);
  }

  remove(row: CountedSession, others: readonly CountedSession[]): void {
    if (others.length === 0) this.#total.users -= 1;
    if (row.isMark) return;
    this.#total.sessions -= 1;
    this.#down('stream', row.streamId, others);
    this.#down('deviceType', row.deviceType, others);
    this.#down('country', row.country, others);
    this.#down('state', stateKey(row), others);
  }

  count(dimension: Dimension): Count {
    const counter = this.#find(dimension);
    return { users: counter?.users ?? 0, sessions: counter?.sessions ?? 0 };
  }

  top(by: TopBy, limit: number): TopItem[] {
    return topOf(this.#facets[by].values(), limit).map(({ key, users, sessions }) => ({ key, users, sessions }));
  }

  #find(dimension: Dimension): Counter | undefined {
    if (dimension.by === 'total') return this.#total;
    if (dimension.by === 'state') return this.#facets.state.get(`${dimension.country}/${dimension.state}`);
    return this.#facets[dimension.by].get(dimension.key);
  }

  #up(facet: TopBy, key: string, label: string, others: readonly CountedSession[]): string {
    const counters = this.#facets[facet];
    let counter = counters.get(key);
    if (counter === undefined) {
      counter = new Counter(key, label);
      counters.set(key, counter);
    }
    counter.sessions += 1;
    if (!isShared(facet, key, others)) counter.users += 1;
    return counter.label;
  }

  #down(facet: TopBy, key: string | undefined, others: readonly CountedSession[]): void {
    const counter = key === undefined ? undefined : this.#facets[facet].get(key);
    if (counter === undefined) return;
    counter.sessions -= 1;
    if (counter.sessions === 0) this.#facets[facet].delete(counter.key);
    else if (!isShared(facet, counter.key, others)) counter.users -= 1;
  }
}

function isShared(facet: TopBy, key: string, others: readonly CountedSession[]): boolean {
  return others.some((other) => !other.isMark && keyOf(facet, other) === key);
}

function keyOf(facet: TopBy, row: CountedSession): string | undefined {
  if (facet === 'stream') return row.streamId;
  if (facet === 'state') return stateKey(row);
  return row[facet];
}

/** A state counts only together with its country; neither may contain the slash (P13). */
function stateKey(row: CountedSession): string | undefined {
  return row.country === undefined || row.state === undefined ? undefined : `${row.country}/${row.state}`;
}
