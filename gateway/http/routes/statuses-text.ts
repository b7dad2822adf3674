/** Writes the statuses of a list of users as JSON. */
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

/** Whether any has one of the two characters of ids that JSON escapes (P13): one search of all takes the least time. */
function areEscaped(ids: readonly string[]): boolean {
  const all = ids.join('');
  return all.includes('"') || all.includes('\\');
}

function escaped(id: string): string {
  return JSON.stringify(id).slice(1, -1);
}

/** For at least one user: same text as `JSON.stringify` of `{users: UserStatus[]}`, in a fifth of the time. */
export function statusesText(statuses: Statuses): string {
  const { userIds, sessions } = statuses;
  const ids = areEscaped(userIds) ? userIds.map(escaped) : userIds;
  const count = userIds.length;
  const pieces = new Array<string>(2 * count + 1);
  const common: (string | undefined)[] = [];
  let between = BEFORE_FIRST + BEFORE_ID;
  for (let i = 0; i < count; i += 1) {
    pieces[2 * i] = between;
    pieces[2 * i + 1] = ids[i] as string;
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
