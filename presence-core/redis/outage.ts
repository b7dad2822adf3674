/** Which errors of Redis are an outage, and what an operator reads of it. */
import { isNativeError } from 'node:util/types';
import { ReplyError } from 'ioredis';
import { createTimeBound, type TimeBound } from '../toolkit/time-bound.ts';
import { COMMAND_TIMEOUT_MS, READ_SLACK_MS } from './timeouts.ts';

/** A call, or a read that waits on purpose, had no answer in its time. */
export class NoAnswer extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
  }
}

/** Bounds a read that waits so long on purpose. */
export function readBound(waitMs: number): TimeBound {
  const ms = waitMs + READ_SLACK_MS;
  return createTimeBound(ms, () => new NoAnswer(ms));
}

/**
 * What a reply of Redis begins with while it cannot serve, in words. Redis propagates them out of functions unchanged.
 * https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
 */
const REFUSALS: Readonly<Record<string, string>> = {
  LOADING: 'loading its data',
  OOM: 'out of memory (maxmemory)',
  READONLY: 'read only, as it is a replica',
  MISCONF: 'cannot save to disk (MISCONF)',
  NOREPLICAS: 'too few replicas are connected (min-replicas-to-write)',
  MASTERDOWN: 'a replica whose master is down',
  CLUSTERDOWN: 'the Cluster is down',
  TRYAGAIN: 'a hash slot is being moved',
  MOVED: 'a hash slot was moved',
  ASK: 'a hash slot is being moved',
  BUSY: 'busy with a script or function',
  // Of our own functions.
  FORGOT: 'its data is gone',
  NOAUTH: 'a password is required',
  WRONGPASS: 'wrong user or password',
};
const TOO_MANY_CLIENTS = 'ERR max number of clients reached';
/** A server that was never given the library of verbs, or its scripts, or has lost them. */
const NOT_LOADED = /^(?:ERR Function not found|NOSCRIPT )/;
/** Out of a function, with other words around it. */
const MOVED_ELSEWHERE = 'access a non local key';

const UNTRUSTED = 'its certificate is not trusted: set REDIS_CA_FILE';
const NO_CLIENT_CERTIFICATE = 'it wants a certificate of the client: set REDIS_CERT_FILE and REDIS_KEY_FILE';

const CONNECTION_FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ETIMEDOUT: 'no connection in time',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the host',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name cannot be looked up now',
  EPROTO: 'no TLS is spoken there: rediss:// needs a port for TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'no TLS is spoken there: rediss:// needs a port for TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'no TLS is spoken there: rediss:// needs a port for TLS',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: NO_CLIENT_CERTIFICATE,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: NO_CLIENT_CERTIFICATE,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not trust the certificate of REDIS_CERT_FILE',
};

export const NOT_CONNECTED = 'not connected';

/** ioredis' own words, none of which has a code. */
const LIBRARY_WORDS: readonly [begin: string, words: string][] = [
  ['Command timed out', `no answer within ${COMMAND_TIMEOUT_MS} ms`],
  ['Socket timeout', 'no answer of any kind: connecting anew'],
  ['Reached the max retries', 'connection lost'],
  ['Command aborted', 'connection lost'],
  ['Connection is closed', NOT_CONNECTED],
  ["Stream isn't writeable", NOT_CONNECTED],
  ["Cluster isn't ready", NOT_CONNECTED],
  ['Cluster is ', NOT_CONNECTED],
  ['Failed to refresh slots cache', 'no node of the Cluster answers'],
  ['None of startup nodes', 'no node of the Cluster answers'],
  ['All sentinels are unreachable', 'no Sentinel answers, or none knows the master'],
  ['Too many Cluster redirections', 'no node of the Cluster serves the hash slot'],
];

/** Whether the error passes by waiting. Any other is a fault of ours or of the data. */
export function isOutage(error: unknown): boolean {
  if (error instanceof ReplyError) return wordsOfReply(error as Error) !== undefined;
  // What is left are connections and time bounds, but for programming errors.
  return !(error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError);
}

/** A verb found a shard of an epoch that this process has not seen, or of none (P10). */
export function isForgotten(error: unknown): boolean {
  return error instanceof ReplyError && (error as Error).message.startsWith('FORGOT ');
}

/** Nothing was run, as the server does not know the verb. */
export function isLibraryMissing(error: unknown): boolean {
  return error instanceof ReplyError && NOT_LOADED.test((error as Error).message);
}

/** The cause of an outage in words. */
export function describeOutage(error: unknown): string {
  if (error instanceof ReplyError) {
    return `Redis refuses commands: ${wordsOfReply(error as Error) ?? (error as Error).message}`;
  }
  const hint = (error as { hint?: string } | undefined)?.hint;
  return `Redis does not answer: ${wordsOf(error)}${hint === undefined ? '' : ` (${hint})`}`;
}

function wordsOfReply({ message }: Error): string | undefined {
  if (message === TOO_MANY_CLIENTS) return 'too many clients (maxclients)';
  if (message.includes(MOVED_ELSEWHERE)) return REFUSALS.TRYAGAIN;
  if (NOT_LOADED.test(message)) return 'it has not been given our functions yet';
  return REFUSALS[message.split(' ', 1)[0] as string];
}

interface ConnectionError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  /** Of a host name with several addresses. */
  readonly errors?: readonly ConnectionError[];
  /** Of a Cluster: why the last node failed. */
  readonly lastNodeError?: Error;
}

function wordsOf(error: unknown): string {
  // Also errors of another realm.
  if (!isNativeError(error)) return String(error);
  const { code, message, address, port } = (error as ConnectionError).errors?.[0] ?? (error as ConnectionError);
  const failure = code === undefined ? undefined : CONNECTION_FAILURES[code];
  if (failure !== undefined) return address === undefined ? failure : `${failure} (${address}:${port})`;
  const words = LIBRARY_WORDS.find(([begin]) => message.startsWith(begin))?.[1] ?? (message || code || 'unknown');
  const { lastNodeError } = error as ConnectionError;
  return lastNodeError ? `${words} (${wordsOf(lastNodeError)})` : words;
}
