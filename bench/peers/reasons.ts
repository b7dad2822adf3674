/** Why a contender does a job for less than this gateway over Redis. A comparison without the reason is not written. */
import type { DialectName } from './clients/dialects.ts';
import type { Job } from './contenders.ts';

type Peer = Exclude<DialectName, 'gateway'>;

const ONE_MEMORY = 'all is in the memory of one C process: no other server can be asked, and nothing outlives it';
const NO_LEASE = 'nothing is renewed, so the players of a server that dies stay online for good';
const NO_LOG = 'a change is passed on and forgotten: who was away for a moment has missed it';
const LOOK_THEN_WRITE =
  'it looks at the limit and then writes, without a lock: opens at the same time all see room, and come in';

export const REASONS: Readonly<Record<Job, Readonly<Partial<Record<Peer, string>>>>> = {
  hold: {
    nchan: ONE_MEMORY,
    mqtt: ONE_MEMORY,
    socketio: NO_LEASE,
    soketi: 'members are in the memory of the server that has the socket, and every question asks all servers',
  },
  storm: {
    nchan: ONE_MEMORY,
    mqtt: ONE_MEMORY,
    tutorial:
      'plain writes to two sorted sets: no atomic limit, no counts by stream, no change log, no resume after a lost socket',
    socketio: 'one read and one write of a set: no atomic limit, no lease, no counts by stream, no change log',
    heartbeat: 'no socket is opened and no limit is checked; one write to a sorted set',
    soketi: 'a member in the memory of one server: no lease, no counts by stream, no change log',
  },
  'fan-out': {
    nchan: `${ONE_MEMORY}; ${NO_LOG}`,
    mqtt: `${ONE_MEMORY}; a message for each change instead of a batch`,
    tutorial: `${NO_LOG}; a message for each change instead of a batch that waits up to 20 ms for more`,
    socketio: `${NO_LOG}; a message for each change instead of a batch that waits up to 20 ms for more`,
    soketi: NO_LOG,
  },
  status: {
    tutorial:
      'one command for one sorted set of all users, which is on one shard: it says who beat lately, not how many screens play; under such demand the default, REPLICA=auto, answers from the read replica instead, for less',
    socketio: NO_LEASE,
    heartbeat: 'one count of a sorted set for each user, without what the session watches',
  },
  admission: {
    nchan: 'right too, by a counter in the memory of one process: it holds on one server only',
    tutorial: LOOK_THEN_WRITE,
    socketio: LOOK_THEN_WRITE,
    heartbeat: LOOK_THEN_WRITE,
    soketi: LOOK_THEN_WRITE,
  },
  crash: {
    soketi:
      'its list is what the living servers say, so all are offline at once, also those who come back a second later; watchers are told nothing',
  },
};
