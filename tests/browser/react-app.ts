/** What the tests of React render; bundled with React and the package as it was built. */

import {
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
  }
}

export interface What {
  readonly url: string;
  readonly userId: string;
  readonly streamId?: string;
  readonly players: number;
  readonly viewers: number;
  readonly occupancy?: string;
}

const names = (view: ViewersView): string =>
  [...view.sessions.values()]
    .map(({ userId }) => userId)
    .sort()
    .join(',');

function Screen({ streamId, id }: { streamId: string | undefined; id: string }) {
  const { status, conflicts, takeOver } = usePlayback(streamId, { meta: { name: 'page' } });
  const text = `${status} ${conflicts.map(({ meta }) => meta?.name ?? '?').join(',')}`.trim();
  return createElement('button', { id, type: 'button', onClick: () => takeOver() }, text);
}

function Viewers({ topic }: { topic: string }) {
  window.renders = (window.renders ?? 0) + 1;
  return createElement('p', { className: 'viewers' }, useViewers(topic, names));
}

function Occupancy({ streamId }: { streamId: string }) {
  const count = useOccupancy(streamId);
  return createElement('p', { id: 'occupancy' }, count ? `${count.users}/${count.sessions}` : '…');
}

function State() {
  return createElement('p', { id: 'state' }, useConnectionState());
}

export function App(what: What) {
  const [options] = useState(what);
  const screens = Array.from({ length: what.players }, (_, i) =>
    createElement(Screen, { key: `s${i}`, id: `screen${i}`, streamId: what.streamId }),
  );
  const viewers = Array.from({ length: what.viewers }, (_, i) =>
    createElement(Viewers, { key: `v${i}`, topic: 'all' }),
  );
  const { occupancy } = what;
  return createElement(
    PresenceProvider,
    { url: options.url, userId: options.userId },
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
