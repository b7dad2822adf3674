/** A route as data: request, response, required scope, documentation, and the handler. */
import type { Static, TSchema } from 'typebox';
import type { Identity } from '../auth/identity.ts';
import type { ProblemMembers } from '../problem.ts';
import type { ProblemCode } from '../protocol/problems.ts';

/**
 * Schemas validate requests, type handlers, and document the API. In `query` an `integer` is read from digits and an
 * `array` from a comma-separated list; `headers` has the headers that the handler needs, in lower case; an empty body
 * is `{}`. Unknown fields are ignored.
 */
export interface RouteSchema {
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly headers?: TSchema;
  readonly body?: TSchema;
  /** Body of status 200. Without it, and without `textType`, the status is 204. */
  readonly response?: TSchema;
}

type Part<S> = S extends TSchema ? Static<S> : undefined;

export interface HttpRequest<S extends RouteSchema = RouteSchema> {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  readonly params: Part<S['params']>;
  readonly query: Part<S['query']>;
  readonly headers: Part<S['headers']>;
  readonly body: Part<S['body']>;
  /** The caller: allowed to call this route for the user that the request names. */
  readonly identity: Identity;
  /** `correlationId` of every log line about this request. */
  readonly requestId: string;
}

export interface HttpReply<B = unknown> {
  readonly status: number;
  readonly body?: B;
  /** Instead of a body: sent as it is, as `text/plain` unless `headers` has another content type. */
  readonly text?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `player` acts on its own user, `read` reads all users, `admin` may do everything; `none` needs no credentials. */
export type Scope = 'player' | 'read' | 'admin' | 'none';

/** A group of routes in the API documentation. */
export interface Tag {
  readonly name: string;
  readonly description: string;
}

/** A problem that a route can return. */
export interface RouteProblem {
  readonly code: ProblemCode;
  /** Default: the status of the code. */
  readonly status?: number;
}

/** A request and its response at the time `EXAMPLE_AT`. Tests send each request and compare. */
export interface Example<S extends RouteSchema = RouteSchema> {
  readonly title: string;
  readonly params?: Part<S['params']>;
  readonly query?: Part<S['query']>;
  readonly headers?: Part<S['headers']>;
  readonly body?: Part<S['body']>;
  /** At most one of `response`, `text` and `problem`; none: status 204. */
  readonly response?: Part<S['response']>;
  /** `HttpReply.text`, or a part of it. */
  readonly text?: string;
  readonly problem?: { readonly code: ProblemCode; readonly detail: string; readonly members?: ProblemMembers };
}

interface RouteOf<S extends RouteSchema> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `:name` for each parameter of `schema.params`. */
  readonly path: string;
  readonly tag: Tag;
  /** One line, starting with a verb. */
  readonly summary: string;
  /** More than summary and schemas say. */
  readonly description?: string;
  readonly schema: S;
  /** Media type of `HttpReply.text`, if the route returns a text. */
  readonly textType?: string;
  /** It supports `if-none-match` and 304. */
  readonly revalidates?: true;
  /** Success is status 204; the body of the schema, with status 200, is only for when the store did not answer. */
  readonly bodyIfDegraded?: true;
  /** Without a body its fields are those of the query. */
  readonly bodyFromQuery?: true;
  /** A replica may answer it; the response then has `x-presence-age-ms`. */
  readonly fromReplica?: true;
  /** In addition to those that follow from scope and schemas. */
  readonly problems?: readonly RouteProblem[];
  readonly examples: readonly [Example<S>, ...Example<S>[]];
  readonly scope: Scope;
  /** Machines call it every few seconds: the log has a line only when the answer changes. */
  readonly probe?: true;
  /** It is not a GET but changes nothing: scope `read` suffices. */
  readonly reads?: true;
  /** Default `MAX_BODY_BYTES`. */
  readonly maxBodyBytes?: number;
  /** May throw a `Problem` or a `StoreError`. */
  handler(request: HttpRequest<S>): Promise<HttpReply<Part<S['response']>>>;
}

export type Route = RouteOf<RouteSchema>;

/** Whether scope `read` suffices for a route of scope `player`. */
export function isRead({ method, reads, scope }: Route): boolean {
  return scope !== 'admin' && (method === 'GET' || reads === true);
}

/** Largest request body, in bytes; a route may set another one. */
export const MAX_BODY_BYTES = 65_536;

/** Types the handler of a route by its schemas. */
export function route<const S extends RouteSchema>(definition: RouteOf<S>): Route {
  // The dispatch calls the handler only with values that these schemas accepted.
  return definition as unknown as Route;
}

export const NO_CONTENT: HttpReply<never> = { status: 204 };

/** Status 200 with a text. */
export function plain(text: string): HttpReply<never> {
  return { status: 200, text };
}

/** Status 200 with a JSON body. */
export function ok<const B>(body: B): HttpReply<B> {
  return { status: 200, body };
}
