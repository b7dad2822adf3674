/** One screen: a video that plays as long as the SDK's player holds a slot. */
import { PresenceClient } from '../client.js';
import { Cable } from './cable.js';
import { make } from './elements.js';

export const STREAMS = ['tnt', 'espn', 'abc', 'hbo', 'news24', 'kids'];
/** Each stream is the same clip in other colours. */
const DEGREES = 55;

const STATES = {
  idle: ['', 'Stopped'],
  connecting: ['wait', 'Connecting'],
  live: ['live', 'Live'],
  reconnecting: ['wait', 'Reconnecting'],
  closed: ['', 'Stopped'],
};

const ENDED = {
  'other-device': 'Another screen took this slot.',
  'same-session': 'This session plays in another tab now.',
  operator: 'An operator ended this session.',
};

export class Screen {
  element;
  name;
  #player;
  #cable = new Cable();
  #events;
  #parts;
  #note = '';

  /** @param events called with what happened: `live`, `refused`, `evicted`, `lost`, `back`, `removed` */
  constructor({ url, userId, name, streamId, events }) {
    this.name = name;
    this.#events = events;
    this.#player = new PresenceClient({
      url,
      userId,
      streamId,
      deviceType: name.toLowerCase(),
      meta: { name },
      WebSocket: this.#cable.WebSocket,
      // So that a lid that opens again is not waited for.
      backoffCapMs: 3_000,
    });
    this.#build(streamId);
    this.#player.on('welcome', ({ resumed }) => {
      this.#note = resumed ? 'Back in the same session, as if nothing had been.' : '';
      this.#events(resumed ? 'back' : 'live', this);
    });
    this.#player.on('denied', () => this.#events('refused', this));
    this.#player.on('evicted', () => this.#events('evicted', this));
    this.#player.on('state', () => this.#render());
    this.watch();
  }

  /** @param replace session that is to stop for this one */
  watch(replace) {
    this.#note = '';
    // Told by the events too.
    this.#player.connect(replace && { replace: [replace] }).catch(() => {});
    this.#render();
  }

  /** Frees the slot at once. */
  async remove() {
    this.#cable.plugIn();
    await this.#player.leave();
    this.element.remove();
    this.#events('removed', this);
  }

  #toggleLid() {
    if (this.#cable.isOut) {
      this.#cable.plugIn();
      this.#player.wake();
    } else {
      this.#cable.pull();
      this.#events('lost', this);
    }
    this.#render();
  }

  #build(streamId) {
    const id = `screen-${crypto.randomUUID()}`;
    const video = make('video', {
      src: 'demo/clip.webm',
      muted: true,
      loop: true,
      playsInline: true,
      ariaLabel: `What ${this.name} plays`,
    });
    const badge = make('span', { className: 'badge' });
    const overlay = make('div', { className: 'overlay' });
    const note = make('p', { className: 'note', role: 'status' });
    const stream = make(
      'select',
      { ariaLabel: `Stream of ${this.name}`, onchange: () => this.#switch(stream.value) },
      ...STREAMS.map((each) => make('option', { value: each, selected: each === streamId }, each)),
    );
    const lid = make('button', { type: 'button', onclick: () => this.#toggleLid() });
    const stop = make('button', { type: 'button', onclick: () => void this.remove() }, 'Leave');
    this.#parts = { video, badge, overlay, note, lid, stream };
    const heading = make('h3', { id }, this.name);
    this.element = make(
      'article',
      { className: 'screen' },
      make('div', { className: 'head' }, heading, badge),
      make('div', { className: 'picture' }, video, overlay),
      make('div', { className: 'controls' }, stream, lid, stop),
      note,
    );
    this.element.setAttribute('aria-labelledby', id);
    this.#tint(streamId);
  }

  #switch(streamId) {
    this.#tint(streamId);
    this.#player.setStream(streamId).catch(() => {});
  }

  #tint(streamId) {
    this.#parts.video.style.filter = `hue-rotate(${STREAMS.indexOf(streamId) * DEGREES}deg)`;
  }

  #render() {
    const { state, denied, evicted, error } = this.#player.status;
    const { video, badge, overlay, note, lid } = this.#parts;
    const isDark = this.#cable.isOut;
    const [className, words] = isDark ? ['', 'Lid closed'] : STATES[state];
    badge.className = `badge ${denied ? 'refused' : className}`;
    badge.textContent = denied ? 'Refused' : words;
    lid.textContent = isDark ? 'Open the lid' : 'Close the lid';
    lid.disabled = !isDark && state === 'closed';
    note.textContent = isDark ? 'The server was told nothing: it keeps the slot for a while.' : this.#note;
    this.element.dataset.state = isDark ? 'dark' : state;
    if (state === 'live' && !isDark) void video.play().catch(() => {});
    else video.pause();
    overlay.replaceChildren(...this.#overlay({ state, denied, evicted, error, isDark }));
    overlay.hidden = overlay.childElementCount === 0;
  }

  #overlay({ state, denied, evicted, error, isDark }) {
    const again = (text) => make('button', { type: 'button', className: 'primary', onclick: () => this.watch() }, text);
    if (isDark || state !== 'closed') return [];
    if (denied) {
      const choices = denied.conflicts.map(({ sessionId, streamId, meta, detached }) =>
        make(
          'button',
          { type: 'button', onclick: () => this.watch(sessionId) },
          `Stop ${meta?.name ?? sessionId} (${detached ? 'connection lost' : streamId})`,
        ),
      );
      return [make('p', {}, `${denied.current} of ${denied.max} screens are taken. Which one is to stop?`), ...choices];
    }
    if (evicted) return [make('p', {}, ENDED[evicted.who]), again('Watch here again')];
    return [make('p', {}, error?.message ?? 'Stopped.'), again('Watch')];
  }
}
