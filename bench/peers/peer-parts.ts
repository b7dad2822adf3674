/** `npm run bench -- peers`: the gateway beside what people would use instead, at each job. */
import type { Part } from '../part.ts';
import type { Job } from './contenders.ts';
import { admissionJob } from './jobs/admission.ts';
import { crashJob } from './jobs/crash.ts';
import { fanOutJob } from './jobs/fan-out.ts';
import { holdJob } from './jobs/hold.ts';
import { statusJob } from './jobs/status.ts';
import { stormJob } from './jobs/storm.ts';

const SECOND = 1_000;
const isInAll = true;

export const PEER_PARTS: Readonly<Record<Job, Part>> = {
  hold: { shows: 'players who only stay, known online', takesMs: 170 * SECOND, run: (o) => holdJob(o), isInAll },
  storm: { shows: 'everybody comes at once', takesMs: 190 * SECOND, run: (o) => stormJob(o), isInAll },
  'fan-out': {
    shows: 'a change to 50 watchers: CPU and delay',
    takesMs: 160 * SECOND,
    run: (o) => fanOutJob(o),
    isInAll,
  },
  status: { shows: 'who of 100 users is online', takesMs: 110 * SECOND, run: (o) => statusJob(o), isInAll },
  admission: {
    shows: '200 opens of a user at once, limit 3',
    takesMs: 90 * SECOND,
    run: (o) => admissionJob(o),
    isInAll,
  },
  crash: {
    shows: 'a server is killed: until when ghosts are shown',
    takesMs: 80 * SECOND,
    run: (o) => crashJob(o),
    isInAll,
  },
};
