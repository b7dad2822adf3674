/** `npm run bench -- <scenario> [part]`: measures, prints and keeps figures. `--list` names scenarios and parts. */
import { BOUND_MS, CATALOGUE, isBounded, partsOf } from './catalogue.ts';
import { listText, usageText } from './help.ts';
import { commit, machine, watchMachine } from './machine.ts';
import { type BenchCommand, readCommand } from './options.ts';
import { writePages } from './pages/pages.ts';
import type { Part } from './part.ts';
import { progress } from './progress.ts';
import { exitCode, type Figure, figuresText, missedText } from './report.ts';
import { keepPart, LOCAL, SAVED } from './results.ts';

type ChosenPart = [scenario: string, part: string, Part];

const begunAt = performance.now();
const args = process.argv.slice(2);

/** Ends the process where there is nothing to run. */
function commandOrHelp(): [BenchCommand, ChosenPart[]] {
  try {
    const command = readCommand(args, process.env);
    if (command.isHelp || command.isList) {
      process.stdout.write(command.isHelp ? usageText(CATALOGUE) : listText(CATALOGUE));
      process.exit(0);
    }
    return [command, partsOf(CATALOGUE, command.scenario, command.part, command.sessions)];
  } catch (error) {
    process.stderr.write(`${(error as Error).message}; npm run bench -- --list names all there is\n`);
    process.exit(2);
  }
}

const [command, chosen] = commandOrHelp();
// Parts that were finished are kept; processes that were started end with this one.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
// What the run was begun with: results that it keeps are changes too.
const source = commit();
const figures: Figure[] = [];
const failures: string[] = [];
for (const [i, [scenario, name, part]] of chosen.entries()) {
  const title = `${scenario} ${name}`;
  if (isBounded(command.scenario) && performance.now() - begunAt + part.takesMs > BOUND_MS) {
    failures.push(`${title}: left out, as it would end after ${BOUND_MS / 60_000} min; run it by itself`);
    continue;
  }
  progress(`${i + 1} of ${chosen.length}: ${title}, about ${Math.ceil(part.takesMs / 1_000)} s: ${part.shows}`);
  const [load, partBegunAt, at] = [watchMachine(), performance.now(), new Date().toISOString()];
  try {
    const found = await part.run(command);
    figures.push(...found);
    process.stdout.write(figuresText(title, found));
    const file = keepPart(command.isSaved ? SAVED : (command.out ?? LOCAL), scenario, name, {
      command: ['npm run bench --', ...args].join(' '),
      at,
      tookMs: Math.round(performance.now() - partBegunAt),
      commit: source,
      machine: machine(),
      load: load(),
      figures: found,
    });
    progress(`kept in ${file}`);
  } catch (error) {
    failures.push(`${title}: ${(error as Error).stack}`);
  }
}
if (command.isSaved) {
  try {
    writePages();
  } catch (error) {
    failures.push(`pages of the results: ${(error as Error).message}`);
  }
}
process.stdout.write(missedText(figures));
for (const failure of failures) process.stderr.write(`failed: ${failure}\n`);
process.exit(exitCode(figures, failures, command.isStrict));
