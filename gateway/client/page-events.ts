/** What a page hears of its sleep. Elsewhere nothing of it happens: React Native and TV sets call `wake` themselves. */
import { root } from './root.ts';

interface Page extends Partial<EventTarget> {
  readonly document?: Partial<EventTarget> & { readonly visibilityState?: string };
}

/**
 * @param wake the page may have slept, or the network is back.
 * @param suspend the page goes to sleep, or away: it may come back from the browser's cache.
 * @returns a function that stops listening.
 */
export function listenToPage(wake: () => void, suspend: () => void): () => void {
  const page = root as Page;
  const { document } = page;
  const seen = (): void => {
    if (document && document.visibilityState === 'visible') wake();
  };
  const all: [Partial<EventTarget> | undefined, string, () => void][] = [
    [page, 'online', wake],
    [page, 'pageshow', wake],
    [page, 'pagehide', suspend],
    [document, 'visibilitychange', seen],
    [document, 'resume', wake],
    [document, 'freeze', suspend],
  ];
  const each = (method: 'addEventListener' | 'removeEventListener') => (): void => {
    for (const [target, name, listener] of all) {
      if (target && target[method]) target[method](name, listener);
    }
  };
  each('addEventListener')();
  return each('removeEventListener');
}
