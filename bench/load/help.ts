/** What `--help` prints. */
import { OPTION_GROUPS, type Option } from './option-table.ts';
import { REQUIREMENT_HELP } from './requirement.ts';
import { LATENCIES } from './tally.ts';

const COLUMNS = 26;

function row(name: string, { value, fallback, variable, help }: Option): string {
  const head = `  --${name}${value ? ` ${value}` : ''}`;
  const notes = `${variable ? ` (or ${variable})` : ''}${fallback ? ` [${fallback}]` : ''}`;
  const [first = '', ...more] = help.split('\n');
  const text = [`${first}${notes}`, ...more].map((line) => line.trimEnd());
  const indent = ' '.repeat(COLUMNS);
  if (head.length >= COLUMNS - 1) return [head, ...text.map((line) => `${indent}${line}`)].join('\n');
  return [`${head.padEnd(COLUMNS)}${text[0]}`, ...text.slice(1).map((line) => `${indent}${line}`)].join('\n');
}

export function helpText(): string {
  const groups = Object.entries(OPTION_GROUPS).map(
    ([title, options]) =>
      `${title}\n${Object.entries<Option>(options)
        .map(([name, option]) => row(name, option))
        .join('\n')}`,
  );
  const latencies = Object.entries(LATENCIES).map(([name, help]) => `  ${name.padEnd(10)}${help}`);
  return `Load on a running presence gateway, with a summary of what its players met.

  presence-load --url ws://127.0.0.1:8080/ws
  presence-load --url ws://127.0.0.1:8080/ws --http http://127.0.0.1:8081 --players 10k --ramp 30s --hold 2m \\
    --dashboards all,stream=20 --status 50/s --storm reconnect --require 'welcome.p99<50ms' --require 'errors<0.1%'

In a checkout: npm run load -- --url … . Defaults are in brackets. Times: 500ms, 30s, 2m, 1h.

${groups.join('\n\n')}

Requirements: ${REQUIREMENT_HELP}.

Latencies count from the instant at which an act was due by the plan, not from when it was sent: a server that stands
still is not spared what would have come meanwhile.
${latencies.join('\n')}

While it runs it checks that no user holds more sessions than its limit, and that each dashboard in mode events is told
each change once and in order; what breaks that is printed, and the exit code is 1.

Ctrl-C ends early: players leave, and the summary is of what there is. A second Ctrl-C ends at once.

Exit code: 0 all is well, 1 a requirement was missed or an invariant broken, 2 wrong options or nothing to connect to,
130 ended by Ctrl-C.
`;
}
