#!/usr/bin/env node
/** `presence-load`: load on a running gateway. `--help` tells all. */
import { writeFileSync } from 'node:fs';
import { processesFor, thisMachine } from './capacity.ts';
import { helpText } from './help.ts';
import { type LoadCommand, readCommand, UsageError } from './options.ts';
import { jsonOf, prometheusOf } from './outputs.ts';
import { planHead, planText } from './plan-text.ts';
import { preflight } from './preflight.ts';
import { Progress } from './progress.ts';
import { LoadRun, type RunResult } from './run.ts';
import { csvOf } from './seconds.ts';
import { exitCode, type Judged, judge, summaryText } from './summary.ts';

const STANDARD_OUTPUT = '-';
const INTERRUPTED = 130;
const CANNOT_BEGIN = 2;

/** What machines read goes to standard output only when they ask for it; what people read goes beside it then. */
function write(command: LoadCommand, result: RunResult, judged: readonly Judged[]): void {
  const outputs: [string | undefined, () => string][] = [
    [command.json, () => `${JSON.stringify(jsonOf(result, judged), null, 2)}\n`],
    [command.csv, () => csvOf(result.seconds)],
    [command.prometheus, () => prometheusOf(result)],
  ];
  const isPiped = outputs.some(([file]) => file === STANDARD_OUTPUT);
  (isPiped ? process.stderr : process.stdout).write(`\n${summaryText(result, judged)}`);
  for (const [file, text] of outputs) {
    if (file === STANDARD_OUTPUT) process.stdout.write(text());
    else if (file !== undefined) writeFileSync(file, text());
  }
}

async function load(command: LoadCommand): Promise<number> {
  const { options } = command;
  const processes = processesFor(options, thisMachine());
  if (command.isDryRun) {
    process.stdout.write(planText(options, processes));
    return 0;
  }
  const failure = await preflight(options);
  if (failure !== undefined) throw new UsageError(failure);
  process.stderr.write(`${planHead(options, processes)}\n\n`);
  const progress = new Progress(process.stderr, options);
  const run = new LoadRun(options, processes, (second, total) => {
    if (!command.isQuiet) progress.show(second, total);
  });
  let interrupts = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Generators that are let go this way still leave.
      if (++interrupts > 1) process.exit(INTERRUPTED);
      process.stderr.write('\nplayers leave; once more ends at once\n');
      run.interrupt();
    });
  }
  const result = await run.run();
  progress.end();
  const judged = judge(command.requirements, result);
  write(command, result, judged);
  return exitCode(result, judged);
}

async function main(): Promise<number> {
  try {
    const command = readCommand(process.argv.slice(2), process.env);
    if (command) return await load(command);
    process.stdout.write(helpText());
    return 0;
  } catch (error) {
    const isUsage = error instanceof UsageError;
    process.stderr.write(`presence-load: ${(error as Error).message}\n`);
    return isUsage ? CANNOT_BEGIN : 1;
  }
}

process.exitCode = await main();
