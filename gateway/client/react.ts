/** React: one connection for a tree, shared by its components. Server rendering shows what is not connected yet. */
import {
  createContext,
  createElement,
  type FunctionComponent,
  type ReactNode,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import type {
  ConcurrencyProblem,
  Conflict,
  Count,
  Eviction,
  PlayerFields,
  PresenceClient,
  PresenceError,
  SessionFields,
  SocketOptions,
} from './index.ts';
import { Shared, type SharedTopic, type ViewersView } from './react-shared.ts';

export type { ViewersView } from './react-shared.ts';

export interface PresenceProviderProps extends SocketOptions, PlayerFields {
  readonly children?: ReactNode;
}

const Context = createContext<Shared | undefined>(undefined);

/** Its options are read once: give it another `key` to connect as somebody else. It connects when a component needs it. */
export const PresenceProvider: FunctionComponent<PresenceProviderProps> = ({ children, ...options }) => {
  const [shared] = useState(() => new Shared(options));
  return createElement(Context.Provider, { value: shared }, children);
};

function useShared(): Shared {
  const shared = useContext(Context);
  if (!shared) throw new Error('There is no <PresenceProvider> around this component');
  return shared;
}

export type PlaybackStatus = 'idle' | 'connecting' | 'playing' | 'reconnecting' | 'denied' | 'evicted' | 'closed';

export interface Playback {
  readonly status: PlaybackStatus;
  /** Who holds the slots, while `denied`: oldest first. */
  readonly conflicts: readonly Conflict[];
  /** Plays here: ends the session named, else the oldest conflict. */
  readonly takeOver: (sessionId?: string) => void;
  readonly error: PresenceError | undefined;
  readonly denied: ConcurrencyProblem | undefined;
  readonly evicted: Eviction | undefined;
  /** For what this hook does not do. */
  readonly client: PresenceClient | undefined;
}

/**
 * Holds a slot while it is mounted and `streamId` is given. Another `streamId` is a switch within the slot. The components of
 * a provider share one player; the last that unmounts leaves.
 */
export function usePlayback(streamId: string | undefined, fields: Omit<SessionFields, 'streamId'> = {}): Playback {
  const { playback } = useShared();
  const isWanted = streamId !== undefined;
  const said = JSON.stringify({ ...fields, streamId });
  useEffect(() => (isWanted ? playback.hold() : undefined), [playback, isWanted]);
  useEffect(() => {
    if (isWanted) playback.say(JSON.parse(said) as SessionFields);
  }, [playback, isWanted, said]);
  const status = useSyncExternalStore(playback.listen, playback.read, playback.read);
  const { state, error, denied, evicted } = status;
  const closed = denied ? 'denied' : evicted ? 'evicted' : 'closed';
  return {
    status:
      state === 'live' ? 'playing' : state === 'closed' && isWanted ? closed : state === 'closed' ? 'idle' : state,
    conflicts: denied?.conflicts ?? [],
    takeOver: playback.takeOver,
    error,
    denied,
    evicted,
    client: playback.client,
  };
}

const allOf = (view: ViewersView): unknown => [...view.sessions.values()];

function useTopic<T>(
  topic: string | undefined,
  mode: 'events' | 'interval',
  select: (view: ViewersView) => T,
  equal: (a: T, b: T) => boolean,
): T {
  const shared = useShared();
  const entry: SharedTopic = shared.topic(topic);
  useEffect(() => (topic === undefined ? undefined : entry.hold(mode)), [entry, topic, mode]);
  const kept = useRef<{ version: object; select: typeof select; value: T } | undefined>(undefined);
  const read = (): T => {
    const { version } = entry;
    const before = kept.current;
    if (before?.version === version && before.select === select) return before.value;
    const value = select(entry.view);
    const isSame = before !== undefined && equal(before.value, value);
    kept.current = { version, select, value: isSame ? before.value : value };
    return kept.current.value;
  };
  return useSyncExternalStore(entry.listen, read, read);
}

/**
 * What `select` makes of a topic, `user:<id>`, `users:<id>,<id>…`, `stream:<id>` or `all`; by default its sessions. The
 * component renders again when that is not `equal` to what it was. Define `select` outside of the component, or memoise it.
 */
export function useViewers<T = SessionsOf>(
  topic: string | undefined,
  select: (view: ViewersView) => T = allOf as (view: ViewersView) => T,
  equal: (a: T, b: T) => boolean = Object.is,
): T {
  return useTopic(topic, 'events', select, equal);
}

type SessionsOf = ReadonlyArray<ViewersView['sessions'] extends ReadonlyMap<string, infer S> ? S : never>;

export interface Occupancy extends Count {
  /** The count may be too small, as the server lost data a moment ago. */
  readonly degraded: boolean;
}

const occupancyOf = ({ count, degraded }: ViewersView): Occupancy | undefined => count && { ...count, degraded };
const isSameOccupancy = (a: Occupancy | undefined, b: Occupancy | undefined): boolean =>
  a?.users === b?.users && a?.sessions === b?.sessions && a?.degraded === b?.degraded;

/** How many watch a stream; undefined until it is known. Cheap for the server however many they are. */
export function useOccupancy(streamId: string | undefined): Occupancy | undefined {
  return useTopic(streamId === undefined ? undefined : `stream:${streamId}`, 'interval', occupancyOf, isSameOccupancy);
}

/** Of the socket: `idle` until a component needs it. */
export function useConnectionState(): 'idle' | 'connecting' | 'live' | 'reconnecting' {
  const shared = useShared();
  return useSyncExternalStore(shared.listen, shared.readState, shared.readState);
}
