/** Writes the statuses of a list of users as JSON. No id needs an escape (P13). */
import { OFFLINE, type Statuses, statusAt } from '../../replica/statuses.ts';

const BEFORE_FIRST = '{"users":[';
const BEFORE_ID = '{"userId":"';
const NEXT = `,${BEFORE_ID}`;
/** Most users have one or two sessions: the text after their ids is the same and made once per number of sessions. */
const COMMON_SESSIONS = 8;

function afterId(statuses: Statuses, index: number): string {
  const { online, sessions, lastSeenAt } = statusAt(statuses, index);
  return `","online":${online},"sessions":${sessions},"lastSeenAt":${lastSeenAt}}${NEXT}`;
}

/** For at least one user: same text as `JSON.stringify` of `{users: UserStatus[]}`, in a fifth of the time. */
export function statusesText(statuses: Statuses): string {
  const { userIds, sessions } = statuses;
  const count = userIds.length;
  const pieces = new Array<string>(2 * count + 1);
  const common: (string | undefined)[] = [];
  let between = BEFORE_FIRST + BEFORE_ID;
  for (let i = 0; i < count; i += 1) {
    pieces[2 * i] = between;
    pieces[2 * i + 1] = userIds[i] as string;
    const held = sessions[i] as number;
    if (held === OFFLINE || held >= COMMON_SESSIONS) {
      between = afterId(statuses, i);
    } else {
      between = common[held] ?? afterId(statuses, i);
      common[held] = between;
    }
  }
  pieces[2 * count] = `${between.slice(0, -NEXT.length)}]}`;
  return pieces.join('');
}
