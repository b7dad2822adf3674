import { requireRedisServer } from './redis-binary.ts';

// biome-ignore lint/style/noDefaultExport: Jest looks for a default export here.
export default function globalSetup(): void {
  if (!process.env.TEST_REDIS_URL) requireRedisServer();
}
