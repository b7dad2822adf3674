/** A page whose clock, network and events the test moves by hand. */
import { afterEach, beforeEach, jest } from '@jest/globals';
import type { HandSocket } from './hand-socket.ts';
import { handSockets } from './hand-socket.ts';

interface HandPage {
  /** The option `WebSocket` of a client. */
  readonly WebSocket: ReturnType<typeof handSockets>['WebSocket'];
  /** All that were opened so far. */
  readonly sockets: HandSocket[];
  /** An event of the window. */
  event(name: string): void;
  /** An event of the document, which is then visible or not. */
  documentEvent(name: string, visibilityState?: 'visible' | 'hidden'): void;
}

/** For each test: a fake clock, no jitter (every step of a back-off is the full one), and the events that Node does not have. */
export function handPage(): HandPage {
  const { WebSocket, sockets } = handSockets();
  let window = new EventTarget();
  let document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  beforeEach(() => {
    jest.useFakeTimers();
    jest.spyOn(Math, 'random').mockReturnValue(1);
    window = new EventTarget();
    document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    Object.assign(globalThis, {
      document,
      addEventListener: window.addEventListener.bind(window),
      removeEventListener: window.removeEventListener.bind(window),
    });
  });
  afterEach(() => {
    sockets.length = 0;
    Object.assign(globalThis, { document: undefined, addEventListener: undefined, removeEventListener: undefined });
    jest.restoreAllMocks();
    jest.useRealTimers();
  });
  return {
    WebSocket,
    sockets,
    event: (name) => void window.dispatchEvent(new Event(name)),
    documentEvent: (name, visibilityState = 'visible') => {
      document.visibilityState = visibilityState;
      document.dispatchEvent(new Event(name));
    },
  };
}
