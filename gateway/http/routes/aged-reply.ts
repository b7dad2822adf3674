import type { Answer } from '../../replica/reads.ts';
import type { Headers } from '../cors.ts';
import type { HttpReply } from '../route.ts';

/** `x-presence-age-ms` says how old an answer may be when the replica told it. */
export function ageHeaders({ ageMs }: Answer<unknown>): Headers {
  return ageMs === undefined ? {} : { 'x-presence-age-ms': String(Math.ceil(ageMs)) };
}

/** 200 with what was read, and its age. */
export function agedReply<T, const B>(answer: Answer<T>, body: (value: T) => B): HttpReply<B> {
  return { status: 200, headers: ageHeaders(answer), body: body(answer.value) };
}
