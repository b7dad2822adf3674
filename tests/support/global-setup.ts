import { execFileSync } from 'node:child_process';
import { requireRedisServer } from './redis-binary.ts';

/** Some tests run the built command as an operator does. */
// biome-ignore lint/style/noDefaultExport: Jest looks for a default export here.
export default function globalSetup(): void {
  if (!process.env.TEST_REDIS_URL) requireRedisServer();
  // The command sets it in its own process; Jest keeps what tests set from native code.
  process.env.UWS_HTTP_MAX_HEADERS_SIZE = '32768';
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
