/** The ports that workers share. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Config } from '../config/config.ts';
import { flagOf, type SettingName, variableOf } from '../config/settings.ts';

type PortName = Extract<SettingName, 'wsPort' | 'httpPort' | 'adminPort'>;

/**
 * Takes each port for a moment and for itself: one that another process has would go unnoticed by workers, which listen
 * with SO_REUSEPORT; and 0 must be the same free port for all of them.
 * @returns flags for the workers.
 * @throws Error that names the port when it is taken.
 */
export async function choosePorts(config: Config): Promise<string[]> {
  const names: PortName[] = config.roles.includes('gateway') ? ['wsPort', 'httpPort'] : ['httpPort'];
  if (config.adminPort !== undefined) names.push('adminPort');
  const servers = names.map(() => createServer());
  try {
    const flags: string[] = [];
    for (const [i, name] of names.entries()) {
      const server = servers[i] as (typeof servers)[number];
      flags.push(`${flagOf(name)}=${await take(server, config.host, name, config[name] as number)}`);
    }
    return flags;
  } finally {
    await Promise.all(
      servers.map(async (server) => {
        if (!server.listening) return;
        server.close();
        await once(server, 'close');
      }),
    );
  }
}

async function take(server: ReturnType<typeof createServer>, host: string, name: PortName, port: number) {
  try {
    server.listen({ host, port });
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const variable = variableOf(name);
    throw new Error(
      `${variable}=${port} on ${host} is in use or not permitted (${code}): set ${variable} to a free port`,
      {
        cause: error,
      },
    );
  }
}
