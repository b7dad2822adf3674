/** Schemas of the fields that many routes share. */
import { Type } from 'typebox';
import { ID_PATTERN, LABEL_PATTERN } from '../../presence-core/index.ts';

/** Rule P13: user, session, stream and device ids. The description of a pattern goes on from "must be". */
export const Id = Type.String({ pattern: ID_PATTERN, description: '1–128 characters of [A-Za-z0-9_.:@-]' });

/** Rule P13: device type, country, state. */
export const Label = Type.String({
  pattern: LABEL_PATTERN,
  description: '1–64 printable characters without / | { }',
});

export const UserParams = Type.Object({ userId: Id });

/** A list in a URL. */
export const IdList = Type.Object({ ids: Type.Array(Id, { minItems: 1, maxItems: 1_000 }) });
/** A list in a body. */
export const LongIdList = Type.Object({ ids: Type.Array(Id, { minItems: 1, maxItems: 10_000 }) });
/** Holds 10,000 ids of 128 characters, quoted. */
export const LONG_LIST_BYTES = 1_500_000;

export const Counted = Type.Object({ users: Type.Integer(), sessions: Type.Integer() });
