/** Replies to reads that a replica may answer. */
import type { Answer } from '../../replica/reads.ts';
import type { Headers } from '../cors.ts';
import type { HttpReply } from '../route.ts';

/** `x-presence-age-ms`: how old the data may be, in ms. Only on replies of the replica. */
export function ageHeaders({ ageMs }: Answer<unknown>): Headers {
  return ageMs === undefined ? {} : { 'x-presence-age-ms': String(Math.ceil(ageMs)) };
}

/** 200 with the data and its age. */
export function replicaReply<T, const B>(answer: Answer<T>, body: (value: T) => B): HttpReply<B> {
  return { status: 200, headers: ageHeaders(answer), body: body(answer.value) };
}
