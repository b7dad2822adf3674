/** How a contender is asked who is online. */
import { pusherRequest } from './clients/dialects.ts';
import type { Contender } from './contenders.ts';

const IDS_PER_REQUEST = 100;
const ASK_WITHIN_MS = 15_000;

async function getJson(port: number, path: string): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(ASK_WITHIN_MS) });
  if (response.status !== 200) throw new Error(`${path.slice(0, 40)} was answered ${response.status}`);
  return response.json();
}

/** @returns how many of the users are online. */
export async function onlineOf({ dialect }: Contender, port: number, ids: readonly string[]): Promise<number> {
  if (dialect === 'soketi') {
    const [, path = ''] = pusherRequest('GET', '/channels', undefined, { filter_by_prefix: 'presence-user-' }).split(
      ' ',
    );
    const { channels } = (await getJson(port, path)) as { channels: Record<string, unknown> };
    return ids.filter((userId) => channels[`presence-user-${userId}`] !== undefined).length;
  }
  let online = 0;
  for (let at = 0; at < ids.length; at += IDS_PER_REQUEST) {
    const some = ids.slice(at, at + IDS_PER_REQUEST).join(',');
    const { users } = (await getJson(port, `/status/users?ids=${some}`)) as { users: { online: boolean }[] };
    online += users.filter((user) => user.online).length;
  }
  return online;
}
