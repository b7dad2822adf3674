/** Chooses between uWebSockets.js and `ws`, by setting and by what loads. */
import type { CreateTransport, Transport } from './transport.ts';
import { uwsTransport } from './uws.ts';
import { loadUws, type Uws } from './uws-module.ts';
import { createWsTransport } from './ws.ts';

/** The part of a logger that is needed here; pino's fits. */
export interface SelectionLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface SelectedTransport {
  readonly name: Transport['name'];
  readonly create: CreateTransport;
  /** What serves HTTP too; undefined: node:http does, unless `uws` is wanted by name. */
  readonly uws: Uws | undefined;
}

/**
 * Picks what serves WebSocket and HTTP, and says which one runs.
 * @throws Error when `uws` is demanded and does not load.
 */
export async function selectTransport(wanted: 'auto' | 'uws' | 'ws', log: SelectionLog): Promise<SelectedTransport> {
  if (wanted === 'ws') return chosen({ name: 'ws', create: createWsTransport, uws: undefined }, log);
  const uws = await loadUws();
  if (!(uws instanceof Error)) {
    // HTTP only where it is asked for: uWS refuses a first line that arrives in two segments, as long URLs do.
    const http = wanted === 'uws' ? uws : undefined;
    return chosen({ name: 'uws', create: uwsTransport(uws), uws: http }, log);
  }
  // The rest of the message is a list of platforms or of folders searched.
  const reason = uws.message.split('\n', 1)[0] ?? '';
  if (wanted === 'uws') {
    throw new Error(
      `TRANSPORT=uws, but uWebSockets.js could not be loaded: install it or use TRANSPORT=ws. ${reason}`,
      {
        cause: uws,
      },
    );
  }
  log.warn({ transport: 'ws', reason }, 'could not load uWebSockets.js: using ws, which needs more memory and CPU');
  return { name: 'ws', create: createWsTransport, uws: undefined };
}

function chosen(selected: SelectedTransport, log: SelectionLog): SelectedTransport {
  log.info({ transport: selected.name }, 'transport selected');
  return selected;
}
