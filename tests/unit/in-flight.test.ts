import { expect, test } from '@jest/globals';
import { InFlight, InFlightBounds } from '../../presence-core/redis/in-flight.ts';

const tooMany = expect.objectContaining({ code: 'overloaded', retryable: true });

test('[P14] what goes beyond the bound is refused at once and takes no room', async () => {
  const inFlight = new InFlight(3);
  inFlight.add(2);
  expect(() => inFlight.add(2)).toThrow(tooMany);
  await expect(inFlight.during(2, () => Promise.reject(new Error('begun')))).rejects.toEqual(tooMany);
  inFlight.add(1);
  expect(() => inFlight.add(1)).toThrow(tooMany);
  inFlight.remove(3);
  inFlight.add(3);
});

test('[P14] work makes room again when it ends, also when it fails', async () => {
  const inFlight = new InFlight(1);
  expect(await inFlight.during(1, async () => 'done')).toBe('done');
  await expect(inFlight.during(1, () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  inFlight.add(1);
});

test('[P14] reads, admissions, renewals and what frees leave each other room', () => {
  const { reads, admissions, renewals, releases } = new InFlightBounds(1);
  for (const bound of [reads, admissions, renewals, releases]) {
    bound.add(1);
    expect(() => bound.add(1)).toThrow(tooMany);
  }
});
