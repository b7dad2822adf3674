import type { CreateTransport, Transport } from './transport.ts';
import { loadUwsTransport } from './uws.ts';
import { createWsTransport } from './ws.ts';

/** The part of a logger that is needed here; pino's fits. */
export interface SelectionLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface SelectedTransport {
  readonly name: Transport['name'];
  readonly create: CreateTransport;
}

/**
 * Picks the transport and says which one runs.
 * @param sharePort see `loadUwsTransport`; with `ws`, node:cluster shares the port by itself.
 * @throws Error when `uws` is demanded and does not load.
 */
export async function selectTransport(
  wanted: 'auto' | 'uws' | 'ws',
  log: SelectionLog,
  sharePort = false,
): Promise<SelectedTransport> {
  if (wanted === 'ws') return chosen('ws', createWsTransport, log);
  const loaded = await loadUwsTransport(sharePort);
  if (!(loaded instanceof Error)) return chosen('uws', loaded, log);
  // The rest of the message is a list of platforms or of folders searched.
  const reason = loaded.message.split('\n', 1)[0] ?? '';
  if (wanted === 'uws') {
    throw new Error(`TRANSPORT=uws, but uWebSockets.js does not load; install it or use TRANSPORT=ws. ${reason}`, {
      cause: loaded,
    });
  }
  log.warn({ transport: 'ws', reason }, 'uWebSockets.js does not load; using ws, which needs more memory and CPU');
  return { name: 'ws', create: createWsTransport };
}

function chosen(name: Transport['name'], create: CreateTransport, log: SelectionLog): SelectedTransport {
  log.info({ transport: name }, 'transport selected');
  return { name, create };
}
