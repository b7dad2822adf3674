/** What the Redis servers say of their own work: INFO of the one, or of every master of a Cluster. */
import type { Redis } from 'ioredis';
import type { ServerStats } from '../presence-store.ts';
import { mastersOf, type RedisClient } from './connection.ts';

const SECTIONS = ['server', 'clients', 'memory', 'persistence', 'stats', 'cpu'];

/** Asks all masters at once; one that does not answer within the command timeout is left out. */
export async function readServers(client: RedisClient): Promise<ServerStats[]> {
  const answers = await Promise.all(
    mastersOf(client).map((node) =>
      node.info(...SECTIONS).then(
        (info) => statsOf(addressOf(node), info),
        () => undefined,
      ),
    ),
  );
  return answers.filter((answer) => answer !== undefined);
}

/** Of Sentinel's master only the connection knows where it is. */
function addressOf({ options, stream }: Redis): string {
  return options.sentinels ? `${stream?.remoteAddress}:${stream?.remotePort}` : `${options.host}:${options.port}`;
}

function statsOf(server: string, info: string): ServerStats {
  const fields = new Map(info.split('\r\n').map((line) => line.split(':', 2) as [string, string]));
  const number = (name: string): number => Number(fields.get(name) ?? 0);
  return {
    server,
    uptimeSeconds: number('uptime_in_seconds'),
    cpuUserSeconds: number('used_cpu_user'),
    cpuSystemSeconds: number('used_cpu_sys'),
    memoryBytes: number('used_memory'),
    memoryPeakBytes: number('used_memory_peak'),
    memoryMaxBytes: number('maxmemory'),
    clients: number('connected_clients'),
    commands: number('total_commands_processed'),
    commandsPerSecond: number('instantaneous_ops_per_sec'),
    hits: number('keyspace_hits'),
    misses: number('keyspace_misses'),
    writes: number('rdb_changes_since_last_save'),
    inputBytes: number('total_net_input_bytes'),
    outputBytes: number('total_net_output_bytes'),
    evictedKeys: number('evicted_keys'),
  };
}
