/** What the tests of React render; bundled with React and the package as it was built. */

import {
  type Playback,
  PresenceProvider,
  useConnectionState,
  useOccupancy,
  usePlayback,
  useViewers,
  type ViewersView,
} from 'presence-gateway-client/react';
import { createElement, StrictMode, useState } from 'react';
import { createRoot, type Root } from 'react-dom/client';

declare global {
  interface Window {
    show(what: What): void;
    renders: number;
    playback: Playback;
    /** What the players rendered, each with its error. */
    statuses: string[];
  }
}

export interface What {
  readonly url: string;
  readonly userId: string;
  readonly streamId?: string;
  readonly players: number;
  readonly viewers: number;
  /** What they watch; by default everything. */
  readonly topic?: string;
  readonly occupancy?: string;
  /** Another one makes other components in the place of those that are there. */
  readonly generation?: number;
  readonly resume?: string;
}

const names = (view: ViewersView): string =>
  [...view.sessions.values()]
    .map(({ userId }) => userId)
    .sort()
    .concat(view.degraded ? 'and others' : [])
    .join(',');

function Screen({ streamId, id }: { streamId: string | undefined; id: string }) {
  window.playback = usePlayback(streamId, { meta: { name: 'page' } });
  const { status, conflicts, takeOver, error } = window.playback;
  window.statuses = [...(window.statuses ?? []), error ? `${status} ${error.code}` : status];
  const text = `${status} ${conflicts.map(({ meta }) => meta?.name ?? '?').join(',')}`.trim();
  return createElement('button', { id, type: 'button', onClick: () => takeOver() }, text);
}

function Viewers({ topic }: { topic: string }) {
  window.renders = (window.renders ?? 0) + 1;
  return createElement('p', { className: 'viewers' }, useViewers(topic, names));
}

function Occupancy({ streamId }: { streamId: string }) {
  const count = useOccupancy(streamId);
  const text = count ? `${count.degraded ? 'at least ' : ''}${count.users}/${count.sessions}` : '…';
  return createElement('p', { id: 'occupancy' }, text);
}

function State() {
  return createElement('p', { id: 'state' }, useConnectionState());
}

export function App(what: What) {
  const [options] = useState(what);
  const screens = Array.from({ length: what.players }, (_, i) =>
    createElement(Screen, { key: `s${i} ${what.generation}`, id: `screen${i}`, streamId: what.streamId }),
  );
  const viewers = Array.from({ length: what.viewers }, (_, i) =>
    createElement(Viewers, { key: `v${i} ${what.generation}`, topic: what.topic ?? 'all' }),
  );
  const { occupancy } = what;
  const { url, userId, resume } = options;
  return createElement(
    PresenceProvider,
    { url, userId, ...(resume !== undefined && { resume }) },
    createElement(State),
    ...screens,
    ...viewers,
    occupancy === undefined ? null : createElement(Occupancy, { streamId: occupancy }),
  );
}

if (typeof document !== 'undefined') {
  let root: Root | undefined;
  window.show = (what) => {
    root ??= createRoot(document.body);
    root.render(createElement(StrictMode, undefined, createElement(App, what)));
  };
}
