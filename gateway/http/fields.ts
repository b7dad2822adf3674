/** Schemas of the fields that several routes share. Every field has a description: /docs and /openapi.json show it. */
import { Type } from 'typebox';
import { ID_PATTERN, ID_RULE, LABEL_PATTERN } from '../../presence-core/index.ts';

export const UUID_PATTERN = '^[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$';

const LABEL_RULE = '1–64 printable characters without / | { }';

/** What each pattern requires, in words. A validation message is `must be` and the rule. */
export const PATTERN_RULES: Readonly<Record<string, string>> = {
  [ID_PATTERN]: ID_RULE,
  [LABEL_PATTERN]: LABEL_RULE,
  [UUID_PATTERN]: 'a UUID',
};

/** An id in a request (P13). */
export const id = (about: string) => Type.String({ pattern: ID_PATTERN, description: `${about}; ${ID_RULE}` });

/** A device type, country or state in a request (P13). */
export const label = (about: string) => Type.String({ pattern: LABEL_PATTERN, description: `${about}; ${LABEL_RULE}` });

/** A field of a response. */
export const text = (description: string) => Type.String({ description });
export const count = (description: string) => Type.Integer({ description });
export const instant = (about: string, note?: string) =>
  Type.Integer({ description: `${about}, epoch ms${note === undefined ? '' : `; ${note}`}` });

const Id = Type.String({ pattern: ID_PATTERN, description: ID_RULE });

export const UserParams = Type.Object({ userId: id('User id') });

const LIST =
  'User ids, separated by commas, or the parameter repeated for each; within an id a comma or % is percent-encoded';
/** A list of ids in a URL. */
export const IdList = Type.Object({
  ids: Type.Array(Id, { minItems: 1, maxItems: 1_000, description: LIST }),
});
/** A list of ids in a body. */
export const LongIdList = Type.Object({
  ids: Type.Array(Id, { minItems: 1, maxItems: 10_000, description: 'User ids' }),
});
/** Room for 10,000 ids of 512 bytes, quoted. */
export const LONG_LIST_BYTES = 5_200_000;

/** What a request may say about a session. */
export const SESSION_ATTRIBUTES = {
  streamId: Type.Optional(id('Stream that is watched')),
  deviceId: Type.Optional(id('Device id')),
  deviceType: Type.Optional(label('Device type, such as android')),
  country: Type.Optional(label('Country, such as US')),
  state: Type.Optional(label('State or region of the country, such as CA')),
};

/** What a response says about a session. */
export const SESSION_VIEW = {
  sessionId: text('Session id'),
  streamId: Type.Optional(text('Stream that is watched; absent if not known')),
  deviceType: Type.Optional(text('Device type; absent if not known')),
  country: Type.Optional(text('Country; absent if not known')),
  state: Type.Optional(text('State or region of the country; absent if not known')),
  deviceId: Type.Optional(text('Device id; absent if not known')),
  meta: Type.Optional(
    Type.Record(Type.String(), Type.String(), { description: 'What the player told of itself, such as a device name' }),
  ),
  startedAt: instant('Start of the session'),
  detached: Type.Optional(
    Type.Literal(true, { description: 'Its connection was lost: it ends with the resume grace unless it comes back' }),
  ),
};

/** How many watch. */
export const Counted = Type.Object({
  users: count('Distinct users'),
  sessions: count('Live sessions; a user may have several'),
});

/** Only in replies that the outage policy gave without the store. */
export const Degraded = Type.Optional(
  Type.Literal(true, {
    description: 'Present while the store is unavailable or has just lost data: the limit was not checked against all',
  }),
);
