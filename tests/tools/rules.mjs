/**
 * Each numbered rule of SPEC.md (P…) and PROTOCOL.md (W…) is cited by a test, at the start of its title: `[P4] …`, or
 * `[P8] [W9] …`. Fails with the rules that no test cites, and with citations of rules that do not exist. The mutations that
 * survival runs are tried with must have their place in the source. Unit and integration tests start no deployments: what
 * does is in tests/system, so that `npm test` stays short.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCUMENTS = ['presence-core/SPEC.md', 'gateway/protocol/PROTOCOL.md'];
/** Rules that no test can prove, each with the reason. A rule that has a test must not stand here. */
const UNTESTABLE = new Map();

const RULE = /^\*\*([PW]\d+) /gm;
/** What a title begins with: the quote, and all citations behind it. */
const CITATIONS = /['"`]((?:\[[A-Z]\d+\] )+)/g;

/** What starts commands, several servers, or MariaDB. */
const DEPLOYMENT =
  /'\.\.\/support\/(gateway-process|history-process|load-command|mariadb-server|redis-cluster|redis-sentinels|replicas)\.ts'/;

const read = (path) => readFileSync(join(ROOT, path), 'utf8');

const rules = DOCUMENTS.flatMap((path) => [...read(path).matchAll(RULE)].map(([, rule]) => rule));
const faults = [];
for (const rule of new Set(rules.filter((rule, i) => rules.indexOf(rule) !== i))) faults.push(`${rule} is there twice`);

for (const { name, file, find } of JSON.parse(read('tests/chaos/mutations.json'))) {
  if (read(file).split(find).length !== 2)
    faults.push(`the place of the mutation "${name}" is not in ${file} exactly once`);
}

const cited = new Set();
const files = readdirSync(join(ROOT, 'tests'), { recursive: true }).filter((name) => name.endsWith('.ts'));
for (const file of files.filter((name) => /^(unit|integration)\//.test(name))) {
  const [, started] = DEPLOYMENT.exec(read(join('tests', file))) ?? [];
  if (started) faults.push(`tests/${file} uses ${started}: it belongs in tests/system`);
}
for (const file of files) {
  for (const [, citations] of read(join('tests', file)).matchAll(CITATIONS)) {
    for (const [, rule] of citations.matchAll(/\[(\w+)\]/g)) {
      cited.add(rule);
      if (!rules.includes(rule)) faults.push(`tests/${file} cites ${rule}, which is no rule`);
    }
  }
}
for (const rule of rules) {
  if (!cited.has(rule) && !UNTESTABLE.has(rule)) faults.push(`${rule} has no test that cites it`);
}
for (const rule of UNTESTABLE.keys()) {
  if (!rules.includes(rule)) faults.push(`${rule} is listed as untestable and is no rule`);
  else if (cited.has(rule)) faults.push(`${rule} is listed as untestable and has a test`);
}

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
else console.log(`${rules.length} rules, each cited by a test`);
