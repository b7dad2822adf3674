/** Where a reader stands in each shard's log: the epoch and the sequence of the last entry it has. */
import { StoreError } from '../errors.ts';

export interface ShardPosition {
  readonly epoch: number;
  readonly sequence: number;
}

/** Text form: per shard `epoch.sequence` in base 36; an epoch equal to the one before is left out. */
export function encodeCursor(positions: readonly ShardPosition[]): string {
  let epoch = -1;
  const parts = positions.map((p) => {
    const same = p.epoch === epoch;
    epoch = p.epoch;
    return `${same ? '' : p.epoch.toString(36)}.${p.sequence.toString(36)}`;
  });
  return `r:${parts.join(',')};`;
}

/** @throws StoreError `invalid_cursor` */
export function decodeCursor(cursor: string, shards: number): ShardPosition[] {
  const parts = /^r:[0-9a-z.,]+;$/.test(cursor) ? cursor.slice(2, -1).split(',') : [];
  let epoch = Number.NaN;
  const positions = parts.map((part) => {
    const [e, sequence] = part.split('.') as [string, string?];
    if (e) epoch = Number.parseInt(e, 36);
    return { epoch, sequence: Number.parseInt(sequence ?? '', 36) };
  });
  const sane = positions.every((p) => Number.isSafeInteger(p.epoch) && Number.isSafeInteger(p.sequence));
  if (positions.length !== shards || !sane) throw new StoreError('invalid_cursor', 'not a cursor of this deployment');
  return positions;
}
