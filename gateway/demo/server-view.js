/** What the server knows of a user: its sessions and limit by HTTP, each change by a subscription. */
import { PresenceSubscription } from '../client.js';
import { clock, make } from './elements.js';

const ASK_MS = 1_000;
const FEED_MAX = 9;

const WORDS = {
  open: ({ streamId }) => `watches ${streamId ?? 'nothing'}`,
  update: ({ streamId, previous }) => (previous ? `switches from ${previous.streamId} to ${streamId}` : 'changes'),
  close: ({ reason }) => `ends: ${reason}`,
};

const part = (id) => document.querySelector(`#${id}`);

export class ServerView {
  /** Names of screens by session id; the closes of the log do not tell them. */
  names = new Map();
  #userId;
  #subscription;
  #timer;
  #isAsking = false;

  constructor({ url, userId }) {
    this.#userId = userId;
    part('topic').textContent = `user:${userId}`;
    part('feed').replaceChildren();
    this.#subscription = new PresenceSubscription({ url, topic: `user:${userId}` });
    this.#subscription.on('state', ({ state }) => {
      const link = part('link');
      link.className = `badge ${state === 'live' ? 'live' : 'wait'}`;
      link.textContent = state === 'live' ? 'live' : state;
    });
    this.#subscription.on('change', (change) => {
      this.#tell(change);
      void this.ask();
    });
    this.#subscription.connect().catch(() => {});
    this.#timer = setInterval(() => document.hidden || void this.ask(), ASK_MS);
    void this.ask();
  }

  end() {
    clearInterval(this.#timer);
    this.#subscription.close();
  }

  async ask() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const reply = await fetch(`concurrency/user/${encodeURIComponent(this.#userId)}`);
      const answer = await reply.json();
      if (reply.ok) this.#show(answer);
      else part('count').textContent = answer.detail;
    } catch {
      part('count').textContent = 'The server does not answer.';
    } finally {
      this.#isAsking = false;
    }
  }

  #nameOf({ sessionId, meta, deviceType }) {
    if (meta?.name) this.names.set(sessionId, meta.name);
    return this.names.get(sessionId) ?? deviceType ?? sessionId;
  }

  #show({ current, max, sessions }) {
    const text = `${current} of ${max} slots`;
    if (part('count').textContent !== text) part('count').textContent = text;
    const slots = Array.from({ length: Math.max(max, current) }, (_, i) => {
      const session = sessions[i];
      const className = session ? (session.detached ? 'lost' : 'taken') : '';
      return make('li', { className }, session ? this.#nameOf(session) : 'free');
    });
    part('slots').replaceChildren(...slots);
    part('sessions').replaceChildren(
      ...sessions.map((session) => {
        const leftS = Math.max(0, Math.ceil((session.expiresAt - Date.now()) / 1_000));
        const state = session.detached
          ? `lost, slot kept ${leftS} s`
          : `${session.via}, since ${clock(session.startedAt)}`;
        return make(
          'tr',
          { className: session.detached ? 'lost' : '' },
          make('th', { scope: 'row' }, this.#nameOf(session)),
          make('td', {}, session.streamId ?? ''),
          make('td', {}, state),
        );
      }),
    );
  }

  #tell(change) {
    const name = this.#nameOf(change);
    const item = make(
      'li',
      { className: change.kind },
      make('time', {}, clock(change.at)),
      ' ',
      make('b', {}, name),
      ` ${WORDS[change.kind](change)}`,
    );
    const feed = part('feed');
    feed.prepend(item);
    while (feed.childElementCount > FEED_MAX) feed.lastElementChild.remove();
  }
}
