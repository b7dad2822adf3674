/** Settings that are valid and hardly meant: the words name the setting and the cure. */
import { expect, test } from '@jest/globals';
import { loadConfig } from '../../gateway/config/config.ts';
import { hardlyMeant } from '../../gateway/config/hardly-meant.ts';

const of = (env: Record<string, string>) => hardlyMeant(loadConfig(env, []));
const seconds = (name: string, value: number, fallback: number) =>
  `${name}=${value} is in milliseconds: if seconds are meant, set it to ${value * 1_000} (default ${fallback})`;
const EVERYONE =
  'any client can then name another address in X-Forwarded-For and so evade the rates of an address; name only the addresses of your proxies';

test.each([
  [{ RESUME_GRACE_MS: '10' }, [seconds('RESUME_GRACE_MS', 10, 10_000)]],
  [{ DRAIN_MS: '5' }, [seconds('DRAIN_MS', 5, 5_000)]],
  [
    { HEARTBEAT_INTERVAL_MS: '10', HEARTBEAT_TTL_MS: '30' },
    [seconds('HEARTBEAT_INTERVAL_MS', 10, 10_000), seconds('HEARTBEAT_TTL_MS', 30, 30_000)],
  ],
  [
    { GUARD_REFRESH_MS: '60', GUARD_TTL_MS: '90' },
    [seconds('GUARD_REFRESH_MS', 60, 60_000), seconds('GUARD_TTL_MS', 90, 90_000)],
  ],
  [{ SESSION_LEASE_MS: '600', NODE_LEASE_MS: '300', NODE_BEAT_MS: '100' }, [seconds('SESSION_LEASE_MS', 600, 600_000)]],
  [{ TRUSTED_PROXIES: '10.0.0.0/8,0.0.0.0/0,::/0' }, [`TRUSTED_PROXIES=0.0.0.0/0,::/0 trusts everyone: ${EVERYONE}`]],
])('%j is warned of', (env, messages) => {
  expect(of(env)).toEqual(messages);
});

test.each<Record<string, string>>([
  {},
  { RESUME_GRACE_MS: '0', DRAIN_MS: '0', DRAIN_DELAY_MS: '0' },
  { DRAIN_MS: '500', RESUME_GRACE_MS: '1000' },
  { TRUSTED_PROXIES: '10.0.0.0/8,192.168.1.10/32' },
])('%j is not', (env) => {
  expect(of(env)).toEqual([]);
});
