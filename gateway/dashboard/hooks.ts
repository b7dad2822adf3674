/** Data that a view asks for again and again, or follows by the socket: both only while the page is seen. */
import { createContext } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { type PresenceConnection, PresenceSubscription } from '../client/index.ts';
import { type ApiError, get } from './api.ts';

export interface Shared {
  readonly connection: PresenceConnection | undefined;
  readonly zone: string;
  readonly isAdmin: boolean;
  readonly isSeen: boolean;
  /** Tells that something came, or that nothing does. */
  readonly heard: (what: 'answer' | ApiError) => void;
}

export const SharedContext = createContext<Shared>(undefined as unknown as Shared);
export const useShared = (): Shared => useContext(SharedContext);

export function useIsSeen(): boolean {
  const [isSeen, setSeen] = useState(!document.hidden);
  useEffect(() => {
    const changed = (): void => setSeen(!document.hidden);
    document.addEventListener('visibilitychange', changed);
    return () => document.removeEventListener('visibilitychange', changed);
  }, []);
  return isSeen;
}

/** Renders again every so often, while the page is seen. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now());
  const { isSeen } = useShared();
  useEffect(() => {
    if (!isSeen) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, isSeen]);
  return now;
}

export interface Polled<T> {
  readonly value: T | undefined;
  readonly error: ApiError | undefined;
  /** Asks at once. */
  readonly refresh: () => void;
}

/**
 * @param path undefined: nothing is asked.
 * @param everyMs pages that were opened together do not ask together: the first wait is drawn.
 */
export function usePolled<T>(path: string | undefined, everyMs: number): Polled<T> {
  const { isSeen, heard } = useShared();
  const [state, setState] = useState<{ path?: string | undefined; value?: T; error?: ApiError }>({});
  const ask = useRef<() => void>(() => {});
  useEffect(() => {
    if (path === undefined || !isSeen) return;
    let timer: ReturnType<typeof setTimeout>;
    let isOver = false;
    let number = 0;
    const run = async (waitMs = everyMs): Promise<void> => {
      clearTimeout(timer);
      const mine = ++number;
      let next: { value: T } | { error: ApiError };
      try {
        next = { value: await get<T>(path) };
      } catch (error) {
        next = { error: error as ApiError };
      }
      // An answer that a later question overtook is old.
      if (isOver || mine !== number) return;
      heard('error' in next && next.error.status === 0 ? next.error : 'answer');
      setState((former) => ({ path, ...(former.path === path && former.value && { value: former.value }), ...next }));
      timer = setTimeout(run, waitMs);
    };
    ask.current = () => void run();
    void run(everyMs * (0.5 + Math.random() / 2));
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [path, everyMs, isSeen, heard]);
  const mine = state.path === path;
  const error = mine ? state.error : undefined;
  return { value: mine ? state.value : undefined, error, refresh: () => ask.current() };
}

export interface TopicOptions {
  readonly topic: string;
  readonly mode?: 'events' | 'interval' | 'auto';
  readonly listen?: (subscription: PresenceSubscription) => void;
}

/** Renders at most so often. */
const RENDER_EACH_MS = 250;

/** Follows a topic; undefined without a socket, or without a topic. Renders again when something came. */
export function useTopic({ topic, mode = 'events', listen }: Partial<TopicOptions>): PresenceSubscription | undefined {
  const { connection, isSeen, heard } = useShared();
  const [subscription, setSubscription] = useState<PresenceSubscription>();
  const [, render] = useState(0);
  const listening = useRef(listen);
  listening.current = listen;
  useEffect(() => {
    if (!connection || !topic || !isSeen) return;
    const made = new PresenceSubscription({ on: connection, topic, mode });
    listening.current?.(made);
    let timer: ReturnType<typeof setTimeout> | undefined;
    made.onStateChange(() => {
      if (made.state === 'live') heard('answer');
      timer ??= setTimeout(() => {
        timer = undefined;
        render((count) => count + 1);
      }, RENDER_EACH_MS);
    });
    made.connect().catch(() => {});
    setSubscription(made);
    return () => {
      clearTimeout(timer);
      made.close();
      setSubscription(undefined);
    };
  }, [connection, topic, mode, isSeen, heard]);
  return subscription;
}
