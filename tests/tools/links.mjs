/**
 * Each link of a Markdown file to another file of the repository, or to a heading, leads somewhere: fails with those that do
 * not. Headings are named as GitHub does it. Links to other servers are not asked for.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = process.argv[2] ?? fileURLToPath(new URL('../..', import.meta.url));
const ELSEWHERE = /^(https?|mailto):/;
const NO_SOURCE = /(^|\/)(node_modules|dist|\.git)(\/|$)/;
const FENCED = /^( *)```[\s\S]*?^\1```/gm;

const textOf = (path) => readFileSync(join(ROOT, path), 'utf8').replace(FENCED, '');

/** As in the address of a heading: a heading that is there twice has a number the second time. */
function headingsOf(path) {
  const names = new Set();
  for (const [, heading] of textOf(path).matchAll(/^#{1,6} (.+)$/gm)) {
    const shown = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const name = shown.replace(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-');
    let free = name;
    for (let n = 1; names.has(free); n++) free = `${name}-${n}`;
    names.add(free);
  }
  return names;
}

/** Folders that hold no source are not entered: there may be a hundred thousand files in them. */
function markdownFiles(folder = '') {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (NO_SOURCE.test(path)) return [];
    if (entry.isDirectory()) return markdownFiles(path);
    return path.endsWith('.md') ? [path] : [];
  });
}

const faults = [];
let count = 0;
for (const file of markdownFiles()) {
  const links = textOf(file).matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g);
  for (const [, markdown, html] of links) {
    const link = markdown ?? html;
    if (ELSEWHERE.test(link)) continue;
    count++;
    const [path, heading] = link.split('#');
    const target = path === '' ? file : normalize(join(dirname(file), path));
    if (!existsSync(join(ROOT, target))) faults.push(`${file}: ${link} is not there`);
    else if (heading && !headingsOf(target).has(heading)) faults.push(`${file}: ${link} names no heading of ${target}`);
  }
}

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
else console.log(`${count} links between documents, each to something that is there`);
