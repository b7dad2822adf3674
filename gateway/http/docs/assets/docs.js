/** Search, buttons that copy, and the address of this page in the examples. Without it, all is there to read. */

const MAX_FOUND = 12;
const COPIED_MS = 1_500;

const form = document.querySelector('form[role=search]');
const input = form.querySelector('input');
const output = form.querySelector('output');
const list = form.querySelector('ul');
const contents = document.querySelector('#contents');
const { root } = form.dataset;

/** Behind a proxy that ends TLS the server does not know its own address. */
function secureAddresses() {
  if (location.protocol !== 'https:') return;
  for (const element of document.querySelectorAll('pre, code')) {
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { currentNode } = texts;
      currentNode.data = currentNode.data
        .replaceAll(`http://${location.host}`, location.origin)
        .replaceAll(`ws://${location.hostname}`, `wss://${location.hostname}`);
    }
  }
}

function addCopyButtons() {
  for (const command of document.querySelectorAll('.command')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = 'Copy';
    button.ariaLabel = `Copy: ${command.parentElement.querySelector('figcaption').textContent}`;
    button.addEventListener('click', () => copy(command, button));
    command.parentElement.append(button);
  }
}

async function copy(command, button) {
  try {
    await navigator.clipboard.writeText(command.textContent);
    button.textContent = 'Copied';
  } catch {
    // Beyond localhost and https there is no clipboard: then what is selected is copied by hand.
    getSelection().selectAllChildren(command);
    button.textContent = 'Selected';
  }
  setTimeout(() => {
    button.textContent = 'Copy';
  }, COPIED_MS);
}

const textOf = (...elements) => elements.map((element) => element?.textContent.trim() ?? '').join(' ');

/** What can be found on the first page: its sections, routes, codes and examples. */
function entriesOf(page, address) {
  return [...page.querySelectorAll('section[id], article[id], tr[id], figure[id]')].map((element) => {
    const heading = element.querySelector('h2, h3, th, figcaption');
    const about = element.querySelector('.summary, td:nth-last-of-type(2), td, section > p');
    const own = element.querySelector('th a')?.getAttribute('href');
    const isSection = element.tagName === 'SECTION';
    const title = element.matches('.closes tr')
      ? textOf(heading, element.querySelector('td > code:only-child'))
      : textOf(heading);
    return {
      // The page of a problem says more than its row.
      href: own ? root + own : `${address}#${element.id}`,
      title,
      about: textOf(about),
      text: (isSection ? textOf(heading, about) : textOf(element)).toLowerCase(),
    };
  });
}

let entries;
/** Those of the first page, wherever one is. */
async function load() {
  if (root === '') return entriesOf(document, '');
  const page = await (await fetch(`${root}docs`)).text();
  return entriesOf(new DOMParser().parseFromString(page, 'text/html'), `${root}docs`);
}

async function search() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return show([]);
  entries ??= load();
  const rank = ({ title }) => words.filter((word) => title.toLowerCase().includes(word)).length;
  const found = (await entries).filter(({ text }) => words.every((word) => text.includes(word)));
  return show(found.sort((a, b) => rank(b) - rank(a)));
}

function show(found) {
  list.replaceChildren(
    ...found.slice(0, MAX_FOUND).map(({ href, title, about }) => {
      const link = document.createElement('a');
      link.href = href;
      const small = document.createElement('small');
      small.textContent = about;
      link.append(title, small);
      const item = document.createElement('li');
      item.append(link);
      return item;
    }),
  );
  output.textContent = input.value.trim() === '' ? '' : `${found.length} found`;
}

function move(event) {
  const links = [...list.querySelectorAll('a')];
  const at = links.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
  if (next === undefined || links.length === 0) return;
  event.preventDefault();
  (links[next] ?? input).focus();
}

form.hidden = false;
input.addEventListener('input', search);
form.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    input.value = '';
    show([]);
    input.focus();
  } else move(event);
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  list.querySelector('a')?.click();
});
list.addEventListener('click', () => {
  input.value = '';
  show([]);
});
document.addEventListener('click', ({ target }) => form.contains(target) || show([]));
document.addEventListener('keydown', (event) => {
  const isTyping = event.target.closest?.('input, textarea');
  if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  input.focus();
});
contents.addEventListener('click', ({ target }) => {
  if (target.closest('a') && contents.matches(':popover-open')) contents.hidePopover();
});
secureAddresses();
addCopyButtons();
