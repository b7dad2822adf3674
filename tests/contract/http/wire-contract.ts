/** Runs the table of bytes against a sidecar, all at once, as some cases wait until uWS gives up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { failingStore } from '../../support/failing-store.ts';
import { type RawAnswer, RawHttp } from '../../support/raw-http.ts';
import { until } from '../../support/raw-websocket.ts';
import { startSidecar, type TestSidecar } from '../../support/sidecar.ts';
import type { HttpServerKind } from './http-server-contract.ts';
import { CASES, DIFFERENCES, FRAMINGS, get, type WireCase } from './wire-cases.ts';

const ALIVE = 'alive';
/** The server runs in this process: it reads one segment before the next is sent. */
const SEGMENT_GAP_MS = 10;

function told({ status, headers, body }: RawAnswer): string {
  if (headers.get('content-type') !== 'application/problem+json') return String(status);
  return `${status} ${(JSON.parse(body) as { code: string }).code}`;
}

export function httpServerWire({ name, transport }: HttpServerKind): void {
  const seen = new Map<string, string[]>();
  let sidecar: TestSidecar;

  const expected = ({ differs, sees }: WireCase): readonly string[] =>
    differs && name === 'uws' ? DIFFERENCES[differs].uws : sees;

  async function run(each: WireCase): Promise<void> {
    const client = await RawHttp.open(sidecar.port);
    for (const segment of each.segments) {
      client.write(segment);
      await sleep(SEGMENT_GAP_MS);
    }
    const answers = expected(each).filter((part) => part !== 'end').length;
    await until(() => client.isEnded || client.answers.length >= answers, each.name, 25_000);
    client.write(get('/healthz', `host: x\r\nx-request-id: ${ALIVE}\r\n`));
    const isAlive = (): boolean => client.answers.at(-1)?.headers.get('x-request-id') === ALIVE;
    await until(() => client.isEnded || isAlive(), each.name, 25_000);
    seen.set(each.name, isAlive() ? client.answers.slice(0, -1).map(told) : [...client.answers.map(told), 'end']);
    client.destroy();
  }

  describe(`${name} on the wire`, () => {
    beforeAll(async () => {
      const late = failingStore();
      late.mode = 'late';
      sidecar = await startSidecar(late.store, { TRANSPORT: transport });
      await Promise.allSettled(CASES.map(run));
    });
    afterAll(() => sidecar.close());

    test.each(CASES)('$name', (each) => {
      expect(seen.get(each.name)).toEqual(expected(each));
    });

    test.each([...FRAMINGS])('a request behind an ambiguous one is not served: %s', async (_, before) => {
      const beat = '{"userId":"smuggled","sessionId":"a"}';
      const lines = ['POST /heartbeat HTTP/1.1', 'host: x', 'content-type: application/json'];
      const client = await RawHttp.open(sidecar.port);
      client.write(before([...lines, `content-length: ${beat.length}`, '', beat].join('\r\n')));
      await client.ended();
      expect((await sidecar.get('/status/user/smuggled')).body.online).toBe(false);
    });
  });
}
