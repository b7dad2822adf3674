/** The dashboard: who is signed in, which view, and whether what is shown is of now. */
import { render } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { PresenceConnection } from '../client/index.ts';
import { type Address, go, hrefOf, useAddress, type ViewName } from './address.ts';
import { type ApiError, get, signInWith, signOut, socketToken } from './api.ts';
import { clockWithSeconds, duration, LOCAL_ZONE, zoneName } from './format.ts';
import { SharedContext, useIsSeen, useNow, usePolled } from './hooks.ts';
import { Live } from './live.tsx';
import { Nodes } from './nodes.tsx';
import { Now } from './now.tsx';
import { Person } from './person.tsx';
import type { Identity, Nodes as NodesReply } from './replies.ts';
import { SignIn } from './sign-in.tsx';

const VIEW_NAMES: readonly (readonly [ViewName, string])[] = [
  ['now', 'Now'],
  ['nodes', 'Nodes'],
  ['person', 'Person'],
  ['live', 'Live feed'],
];

const NODES_MS = 5_000;
const RETRY_MS = 2_000;
/** Without an answer for so long what is shown is called old. */
const STALE_MS = 6_000;

type Entry = { state: 'asking' | 'away' | 'signed-out'; refusal?: string } | { state: 'in'; identity: Identity };

/** Who the page is, found out by asking; again and again while nobody answers. */
function useEntry(): [Entry, enter: (secret: string) => void, leave: () => void] {
  const [entry, setEntry] = useState<Entry>({ state: 'asking' });
  const ask = useCallback(async (hasSecret: boolean): Promise<void> => {
    try {
      setEntry({ state: 'in', identity: await get<Identity>('/identity') });
    } catch (cause) {
      const error = cause as ApiError;
      if (error.status !== 401 && error.status !== 403) {
        setEntry({ state: 'away', refusal: error.message });
        setTimeout(() => void ask(hasSecret), RETRY_MS);
        return;
      }
      signOut();
      setEntry({ state: 'signed-out', ...(hasSecret && { refusal: error.message }) });
    }
  }, []);
  useEffect(() => void ask(false), [ask]);
  const enter = (secret: string): void => {
    signInWith(secret);
    void ask(true);
  };
  const leave = (): void => {
    signOut();
    setEntry({ state: 'signed-out' });
  };
  return [entry, enter, leave];
}

function App() {
  const [entry, enter, leave] = useEntry();
  const address = useAddress();
  if (entry.state === 'in') return <Dashboard identity={entry.identity} address={address} leave={leave} />;
  return (
    <main class="entry">
      {entry.state === 'signed-out' && <SignIn refusal={entry.refusal} submit={enter} />}
      {entry.state === 'asking' && <p class="loading">Loading…</p>}
      {entry.state === 'away' && (
        <p class="loading" role="status">
          {entry.refusal} Trying again…
        </p>
      )}
    </main>
  );
}

/** Behind TLS the gateway is at the page's own host; else at its own port. */
function socketUrl(wsPort: number): string {
  return location.protocol === 'https:' ? `wss://${location.host}/ws` : `ws://${location.hostname}:${wsPort}/ws`;
}

function Dashboard({ identity, address, leave }: { identity: Identity; address: Address; leave: () => void }) {
  const isSeen = useIsSeen();
  const [wsPort, setWsPort] = useState<number>();
  const connection = useMemo(
    () =>
      wsPort === undefined
        ? undefined
        : new PresenceConnection({
            url: socketUrl(wsPort),
            token: () => socketToken() ?? '',
            connectTimeoutMs: Number.POSITIVE_INFINITY,
            backoffCapMs: 5_000,
          }),
    [wsPort],
  );
  const heardAt = useRef(Date.now());
  const heard = useCallback((what: 'answer' | ApiError) => {
    if (what === 'answer') heardAt.current = Date.now();
  }, []);
  const { view, params } = address;
  const zone = zoneOf(params.tz);
  const isAdmin = identity.scopes.includes('admin');
  const shared = useMemo(
    () => ({ connection, zone, isAdmin, isSeen, heard }),
    [connection, zone, isAdmin, isSeen, heard],
  );
  useEffect(() => {
    document.title = `${params.user ?? params.stream ?? VIEW_NAMES.find(([name]) => name === view)?.[1]} · Presence`;
  }, [view, params.user, params.stream]);
  return (
    <SharedContext.Provider value={shared}>
      <Body identity={identity} address={address} leave={leave} heardAt={heardAt} setWsPort={setWsPort} />
    </SharedContext.Provider>
  );
}

interface BodyProps {
  identity: Identity;
  address: Address;
  leave: () => void;
  heardAt: { current: number };
  setWsPort: (port: number | undefined) => void;
}

function Body({ identity, address, leave, heardAt, setWsPort }: BodyProps) {
  const { view, params } = address;
  const zone = zoneOf(params.tz);
  const { value: nodes, error } = usePolled<NodesReply>('/nodes?reports=own', NODES_MS);
  useEffect(() => setWsPort(nodes?.settings.wsPort), [nodes?.settings.wsPort, setWsPort]);
  // A token that ended, or lost its scope.
  useEffect(() => {
    if (error?.status === 401 || error?.status === 403) leave();
  }, [error, leave]);
  return (
    <>
      <header class="masthead">
        <a class="brand" href={hrefOf('now')}>
          <i aria-hidden="true" />
          Presence
        </a>
        <nav aria-label="Views">
          {VIEW_NAMES.map(([name, label]) => (
            <a key={name} href={hrefOf(name)} aria-current={name === view ? 'page' : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <div class="tools">
          <ZoneSelect zone={zone} address={address} />
          <ThemeButton />
          {identity.auth === 'jwt' && (
            <button type="button" onClick={leave} title={identity.machine ?? identity.userId ?? ''}>
              Sign out
            </button>
          )}
        </div>
      </header>
      <Banner nodes={nodes} heardAt={heardAt} zone={zone} />
      <main>
        <h1 class="hidden">{VIEW_NAMES.find(([name]) => name === view)?.[1]}</h1>
        {view === 'now' && <Now params={params} nodes={nodes} />}
        {view === 'nodes' && <Nodes nodes={nodes} params={params} />}
        {view === 'person' && <Person params={params} nodes={nodes} />}
        {view === 'live' && <Live params={params} />}
      </main>
      <footer>
        <a href="/docs">Documentation</a>
      </footer>
    </>
  );
}

/** Says what is wrong with what is shown: nothing comes, the store is away, or the node is leaving. */
function Banner({
  nodes,
  heardAt,
  zone,
}: {
  nodes: NodesReply | undefined;
  heardAt: { current: number };
  zone: string;
}) {
  const now = useNow(1_000);
  const ageMs = now - heardAt.current;
  let words: string | undefined;
  if (ageMs > STALE_MS) {
    words = `The server does not answer. What is shown is of ${clockWithSeconds(heardAt.current, zone)}, ${duration(ageMs)} ago.`;
  } else if (nodes && !nodes.self.storeUp) {
    words = `The store is away${nodes.self.leaseAgeMs === undefined ? '' : ` since ${duration(nodes.self.leaseAgeMs)}`}. Numbers are of before; admissions follow the outage policy.`;
  } else if (nodes?.self.draining) {
    words = 'This node is shutting down.';
  } else if (nodes?.self.degraded) {
    words = 'Degraded: admissions may go unchecked, or changes may be late.';
  }
  return (
    <div class="banner-place" role="status">
      {words && <p class={ageMs > STALE_MS || !nodes?.self.storeUp ? 'banner bad' : 'banner'}>{words}</p>}
    </div>
  );
}

const ZONES = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];

/** A zone has several names, and browsers list different ones: a link may have a name that this browser does not list. */
function zoneOf(wanted: string | undefined): string {
  if (wanted === undefined || wanted === LOCAL_ZONE || ZONES.includes(wanted)) return wanted ?? LOCAL_ZONE;
  try {
    return Intl.DateTimeFormat('en', { timeZone: wanted }).resolvedOptions().timeZone;
  } catch {
    return LOCAL_ZONE;
  }
}

function ZoneSelect({ zone, address }: { zone: string; address: Address }) {
  const choose = (event: Event): void => {
    const { value } = event.currentTarget as HTMLSelectElement;
    go(address.view, { ...address.params, tz: value === LOCAL_ZONE ? '' : value }, true);
  };
  return (
    <select class="zone" aria-label="Time zone" value={zone} onChange={choose}>
      <option value={LOCAL_ZONE}>{zoneName(LOCAL_ZONE)} (local)</option>
      {[...new Set([...ZONES, zone])]
        .filter((each) => each !== LOCAL_ZONE)
        .map((each) => (
          <option key={each} value={each}>
            {zoneName(each)}
          </option>
        ))}
    </select>
  );
}

function ThemeButton() {
  const [isDark, setDark] = useState(matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
  }, [isDark]);
  return (
    <button type="button" aria-label={isDark ? 'Light theme' : 'Dark theme'} onClick={() => setDark(!isDark)}>
      {isDark ? 'Light' : 'Dark'}
    </button>
  );
}

const root = document.getElementById('app') as HTMLElement;
root.replaceChildren();
render(<App />, root);
