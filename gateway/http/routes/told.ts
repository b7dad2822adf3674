import type { Answer } from '../../replica/reads.ts';
import { type HttpReply, ok } from '../route.ts';

/** 200 with what was read. `x-presence-age-ms` says how old it may be when the replica told it. */
export function told<T, const B>({ value, ageMs }: Answer<T>, body: (value: T) => B): HttpReply<B> {
  const reply = ok(body(value));
  return ageMs === undefined ? reply : { ...reply, headers: { 'x-presence-age-ms': String(Math.ceil(ageMs)) } };
}
