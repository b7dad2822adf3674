/** Each example of a route is sent, and answered as the example says and as the description allows. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import {
  EXAMPLE_AT,
  EXAMPLE_REQUEST_ID,
  exampleHeaders,
  exampleResponse,
  exampleUrl,
} from '../../gateway/http/docs/example.ts';
import { exampleHistory, exampleStore } from '../support/example-data.ts';
import { startSidecar } from '../support/sidecar.ts';

const TABLE = await tableOf();
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

async function tableOf() {
  const sidecar = await startSidecar();
  await sidecar.close();
  return sidecar.routes;
}

let past: Awaited<ReturnType<typeof exampleHistory>>;

beforeAll(async () => {
  past = await exampleHistory();
  // Only the date stands still: sockets and timers go on.
  jest.useFakeTimers({
    now: EXAMPLE_AT,
    doNotFake: [
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'setTimeout',
      'clearTimeout',
    ],
  });
});
afterAll(async () => {
  jest.useRealTimers();
  await past.close();
});

/** Ids that the server makes are all alike. */
const sameIds = (value: unknown): unknown => JSON.parse(JSON.stringify(value).replace(UUID, 'uuid'));

test.each(TABLE.flatMap((route) => route.examples.map((example) => ({ ...example, route, example }))))(
  '$route.method $route.path: $title',
  async ({ route, example }) => {
    const sidecar = await startSidecar(await exampleStore(), {}, past.history);
    try {
      const headers = { 'x-request-id': EXAMPLE_REQUEST_ID, ...exampleHeaders(example) };
      const { status, body } = await sidecar.request(route.method, exampleUrl(route, example), example.body, headers);
      const { value, ...expected } = exampleResponse(route, example);
      expect({ status, body }).toMatchObject({ status: expected.status });
      if (value === undefined) expect(body).toBeUndefined();
      else if (typeof value === 'string') expect(body).toContain(value);
      else expect(sameIds(body)).toMatchObject(sameIds(value) as object);
    } finally {
      await sidecar.close();
    }
  },
);

test.each(TABLE)('$method $path answers an example as it should', ({ examples }) => {
  expect(new Set(examples.map(({ title }) => title)).size).toBe(examples.length);
  expect(examples.some(({ problem }) => problem === undefined)).toBe(true);
});
