/** The player demo: screens of one user, and what the server knows of them. Each file of it is an example of the SDK. */
import { Screen, STREAMS } from './screen.js';
import { ServerView } from './server-view.js';

const DEVICES = ['Phone', 'Laptop', 'Tablet', 'TV', 'Console', 'Projector', 'Watch', 'Car'];

const query = new URLSearchParams(location.search);
const socket = document.querySelector('meta[name=socket]').content;
/** Behind a proxy that ends TLS the server does not know that it is reached by it. */
const url = location.protocol === 'https:' ? socket.replace('ws:', 'wss:') : socket;

const grid = document.querySelector('#grid');
const user = document.querySelector('#user');
const tab = document.querySelector('#tab');
const screens = new Set();
let view;
/** How many screens were opened, here and in the tabs from which this one came. */
let opened = Number(query.get('screens')) || 0;

function done(step) {
  document.querySelector(`[data-step=${step}]`)?.classList.add('done');
}

const STEPS = { refused: 'refused', evicted: 'evicted', back: 'lost' };

function happened(what, screen) {
  if (what === 'removed') screens.delete(screen);
  if (what === 'live' && screens.size >= 3) done('open');
  if (STEPS[what]) done(STEPS[what]);
  if (what === 'refused') done('open');
  void view.ask();
}

function addScreen() {
  const name = DEVICES[opened % DEVICES.length];
  const streamId = STREAMS[opened % STREAMS.length];
  opened += 1;
  const screen = new Screen({ url, userId: user.value, name, streamId, events: happened });
  screens.add(screen);
  grid.append(screen.element);
  linkTab();
  return screen;
}

function linkTab() {
  tab.href = `demo?${new URLSearchParams({ user: user.value, screens: opened })}`;
}

async function begin() {
  await Promise.all([...screens].map((screen) => screen.remove()));
  view?.end();
  view = new ServerView({ url, userId: user.value });
  addScreen();
}

user.value = query.get('user') ?? user.value;
user.addEventListener('change', () => user.value.trim() !== '' && void begin());
document
  .querySelector('#add')
  .addEventListener('click', () => addScreen().element.scrollIntoView({ block: 'nearest' }));
void begin();
