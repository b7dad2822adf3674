/** What is measured of each job, and how the samples of all contenders become figures. */
import type { Figure } from '../report.ts';
import { median } from '../rounds.ts';
import type { Job } from './contenders.ts';
import type { Cpu } from './peer-bed.ts';

/** What one round gave, by the names of the measures. */
export type Sample = Readonly<Record<string, number>>;

export interface Measure {
  readonly name: string;
  readonly what: string;
  readonly unit: string;
  /** Of this gateway. */
  readonly target?: string;
}

const cpuOf = (unit: string): Measure[] => [
  { name: 'cpu', what: `CPU of servers and Redis ${unit}`, unit: 'µs' },
  { name: 'redisCpu', what: `of it Redis`, unit: 'µs' },
];

export const MEASURES: Readonly<Record<Job, readonly Measure[]>> = {
  hold: cpuOf('a player and minute'),
  storm: [...cpuOf('a player'), { name: 'rate', what: 'players let in', unit: '/s' }],
  'fan-out': [
    ...cpuOf('a change'),
    { name: 'p50', what: 'delay, p50', unit: 'ms' },
    { name: 'p99', what: 'delay, p99', unit: 'ms' },
    { name: 'rate', what: 'changes', unit: '/s' },
    { name: 'undelivered', what: 'messages that came after 5 s or never', unit: '', target: '0' },
  ],
  status: [...cpuOf('an answer'), { name: 'rate', what: 'answers', unit: '/s' }],
  admission: [
    ...cpuOf('an open'),
    { name: 'overshoot', what: 'let in above the limit, for each user', unit: '', target: '0' },
    { name: 'rate', what: 'opens', unit: '/s' },
  ],
  crash: [
    { name: 'firstS', what: 'the first is shown offline after', unit: 's' },
    { name: 'lastS', what: 'the last is shown offline after', unit: 's', target: '≤ 11.5' },
    { name: 'ghosts', what: 'still shown online when watching ended', unit: 'players', target: '0' },
  ],
};

export const cpuSample = ({ serverUs, redisUs }: Cpu): Sample => ({ cpu: serverUs + redisUs, redisCpu: redisUs });

export const keyOf = (contender: string, measure: string): string => `${contender}/${measure}`;

/** What a round did not give is left out. */
export function figuresOf(
  job: Job,
  results: readonly { readonly name: string; readonly title: string; readonly samples: readonly Sample[] }[],
): Figure[] {
  return results.flatMap(({ name, title, samples }) =>
    MEASURES[job].flatMap((measure): Figure[] => {
      const values = samples.map((sample) => sample[measure.name]).filter((value) => value !== undefined);
      if (values.length === 0) return [];
      return [
        {
          key: keyOf(name, measure.name),
          what: `${title}: ${measure.what}`,
          value: median(values),
          unit: measure.unit,
          samples: values,
          ...(measure.target !== undefined && name.startsWith('gateway') && { target: measure.target }),
        },
      ];
    }),
  );
}
