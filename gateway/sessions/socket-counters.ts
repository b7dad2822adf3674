/** What became of the sockets of a process, as plain numbers. */
import { CLOSE_CODES, type CloseName } from '../protocol/close-codes.ts';

/** Why an upgrade was refused, by the status it is answered with. */
const REFUSAL_OF_STATUS = {
  400: 'bad_handshake',
  403: 'origin',
  404: 'path',
  426: 'no_websocket',
  429: 'rate_limited',
  503: 'unavailable',
} as const;
type Refusal = (typeof REFUSAL_OF_STATUS)[keyof typeof REFUSAL_OF_STATUS] | 'other';

/** `lost`: without a close frame; `no_status`: with an empty one. */
type Close = CloseName | 'lost' | 'no_status' | 'other';
const NAME_OF_CODE = new Map<number, Close>([
  ...Object.entries(CLOSE_CODES).map(([name, { code }]) => [code, name as CloseName] as const),
  [1005, 'no_status'],
  [1006, 'lost'],
]);

export class SocketCounters {
  accepted = 0;
  readonly refused: Record<Refusal, number>;
  readonly closed: Record<Close, number>;

  constructor() {
    this.refused = zeros([...Object.values(REFUSAL_OF_STATUS), 'other']);
    this.closed = zeros([...NAME_OF_CODE.values(), 'other']);
  }

  refuse(status: number): void {
    this.refused[REFUSAL_OF_STATUS[status as keyof typeof REFUSAL_OF_STATUS] ?? 'other'] += 1;
  }

  close(code: number): void {
    this.closed[NAME_OF_CODE.get(code) ?? 'other'] += 1;
  }
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
