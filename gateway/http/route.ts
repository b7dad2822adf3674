/** A route is data: what is asked, what is answered, who may, and the handler over plain values. */
import type { Static, TSchema } from 'typebox';
import type { Identity } from '../auth/identity.ts';
import type { ProblemMembers } from '../problem.ts';
import type { ProblemCode } from '../protocol/problems.ts';

/**
 * Schemas validate, type, and describe. In `query` an `integer` is read from its digits and an `array` from its commas;
 * `headers` names the headers the handler sees, in lower case; an empty body is `{}`. Unknown fields are ignored.
 */
export interface RouteSchema {
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly headers?: TSchema;
  readonly body?: TSchema;
  /** Body of the answer 200. Without it the answer is 204. */
  readonly response?: TSchema;
}

type Part<S> = S extends TSchema ? Static<S> : undefined;

export interface HttpRequest<S extends RouteSchema = RouteSchema> {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly params: Part<S['params']>;
  readonly query: Part<S['query']>;
  readonly headers: Part<S['headers']>;
  readonly body: Part<S['body']>;
  /** May call this route, for the user the request names. */
  readonly identity: Identity;
  /** `correlationId` of every line logged on behalf of this request. */
  readonly requestId: string;
}

export interface HttpReply<B = unknown> {
  readonly status: number;
  readonly body?: B;
  /** In place of a body: sent as it is, as `text/plain` unless `headers` says otherwise. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `player` acts on its own user, `read` reads all, `admin` also rules; `none` needs no authentication. */
export type Scope = 'player' | 'read' | 'admin' | 'none';

/** A group of routes in the description of the API. */
export interface Tag {
  readonly name: string;
  readonly description: string;
}

/** A problem as one route tells it. */
export interface RouteProblem {
  readonly code: ProblemCode;
  /** Default: the code's own. */
  readonly status?: number;
}

/** A request and its answer at `EXAMPLE_AT`. Tests send each one and compare. */
export interface Example<S extends RouteSchema = RouteSchema> {
  readonly title: string;
  readonly params?: Part<S['params']>;
  readonly query?: Part<S['query']>;
  readonly headers?: Part<S['headers']>;
  readonly body?: Part<S['body']>;
  /** At most one of the next three; none: 204. */
  readonly response?: Part<S['response']>;
  /** `HttpReply.text`, or a piece of it. */
  readonly text?: string;
  readonly problem?: { readonly code: ProblemCode; readonly detail: string; readonly members?: ProblemMembers };
}

interface RouteOf<S extends RouteSchema> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `:name` for each of `schema.params`. */
  readonly path: string;
  readonly tag: Tag;
  /** One line. */
  readonly summary: string;
  /** What neither summary nor schemas can say. */
  readonly description?: string;
  readonly schema: S;
  /** Media type of `HttpReply.text`, if the route answers one. */
  readonly textType?: string;
  /** It answers 304 to `if-none-match`. */
  readonly revalidates?: true;
  /** A replica may answer it, and then says how old the answer may be. */
  readonly fromReplica?: true;
  /** Besides those that its scope and its schemas bring. */
  readonly problems?: readonly RouteProblem[];
  readonly examples: readonly [Example<S>, ...Example<S>[]];
  readonly scope: Scope;
  /** It changes nothing although it is no GET: scope `read` suffices. */
  readonly reads?: true;
  /** Default `MAX_BODY_BYTES`. */
  readonly maxBodyBytes?: number;
  /** May throw a `Problem` or let a `StoreError` pass. */
  handler(request: HttpRequest<S>): Promise<HttpReply<Part<S['response']>>>;
}

export type Route = RouteOf<RouteSchema>;

/** Whether scope `read` suffices, unless the route demands more than `player`. */
export function isRead({ method, reads, scope }: Route): boolean {
  return scope !== 'admin' && (method === 'GET' || reads === true);
}

/** Largest body of a request, unless its route says otherwise. */
export const MAX_BODY_BYTES = 65_536;

/** Types a route's handler by its schemas. */
export function route<const S extends RouteSchema>(definition: RouteOf<S>): Route {
  // The dispatch calls a handler only with what passed these very schemas.
  return definition as unknown as Route;
}

export const NO_CONTENT: HttpReply<undefined> = { status: 204 };

/** 200 with a text. */
export function plain(text: string): HttpReply<never> {
  return { status: 200, text };
}

/** 200 with a body. */
export function ok<const B>(body: B): HttpReply<B> {
  return { status: 200, body };
}
