/** Asks who of a list of users is online. */
import type { HttpCaller } from './http-caller.ts';
import { codeOf } from './http-caller.ts';
import type { World } from './world.ts';

/** Longer lists do not fit into a URL. */
const MAX_BY_GET = 100;
const READER = 'reader';

/** @param list its number; the same list for the same number. */
export async function askStatus(world: World, list: number, dueMs: number): Promise<void> {
  const { cast, options, tally } = world;
  const ids = cast.userIds(list, options.statusIds, options.players);
  try {
    const token = options.apiKey ? undefined : await world.tokens.of(`${options.prefix}-${READER}`, 'presence:read');
    const http = world.http as HttpCaller;
    const answer = await (ids.length <= MAX_BY_GET
      ? http.call('GET', `/status/users?ids=${ids.map(encodeURIComponent).join(',')}`, token, {})
      : http.call('POST', '/status/users', token, {}, { ids }));
    world.measured('status', dueMs);
    if (answer.status !== 200) tally.error(codeOf(answer));
    else if (!isInOrder(answer.body.users, ids))
      world.tally.violation('status: the answer is not of the ids asked for');
  } catch (error) {
    world.tally.error((error as Error).message);
  }
}

function isInOrder(users: unknown, ids: readonly string[]): boolean {
  if (!Array.isArray(users) || users.length !== ids.length) return false;
  return users.every((user: { userId?: unknown }, i) => user.userId === ids[i]);
}
