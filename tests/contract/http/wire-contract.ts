/** Runs the table of bytes against a sidecar, all at once, as some cases wait until the server gives up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { failingStore } from '../../support/failing-store.ts';
import { hasRead } from '../../support/loop-turns.ts';
import { type RawAnswer, RawHttp } from '../../support/raw-http.ts';
import { until } from '../../support/raw-websocket.ts';
import { startSidecar, type TestSidecar } from '../../support/sidecar.ts';
import { slowTests } from '../../support/slow-tests.ts';
import type { HttpServerKind } from './http-server-contract.ts';
import { CASES, DIFFERENCES, FRAMINGS, get, type WireCase } from './wire-cases.ts';

const ALIVE = 'alive';
/** The server runs in this process: it reads one segment before the next is sent. */
const SEGMENT_GAP_MS = 10;
/** With more of them, which come byte by byte, some may be read together: all would be too slow for the server. */
const FEW_SEGMENTS = 8;

function told({ status, headers, body }: RawAnswer): string {
  if (headers.get('content-type') !== 'application/problem+json') return String(status);
  return `${status} ${(JSON.parse(body) as { code: string }).code}`;
}

export function httpServerWire({ name, transport }: HttpServerKind): void {
  let sidecar: TestSidecar;
  beforeAll(async () => {
    const late = failingStore();
    late.mode = 'late';
    sidecar = await startSidecar(late.store, { TRANSPORT: transport });
  });
  afterAll(() => sidecar.close());
  const slowTest = slowTests();

  const expected = ({ differs, sees }: WireCase): readonly string[] =>
    differs && name === 'uws' ? DIFFERENCES[differs].uws : sees;

  async function seen(each: WireCase): Promise<string[]> {
    const client = await RawHttp.open(sidecar.port);
    for (const segment of each.segments) {
      client.write(segment);
      await sleep(SEGMENT_GAP_MS);
      if (each.segments.length <= FEW_SEGMENTS) await hasRead();
    }
    const answers = expected(each).filter((part) => part !== 'end').length;
    await until(() => client.isEnded || client.answers.length >= answers, each.name, 25_000);
    client.write(get('/healthz', `host: localhost\r\nx-request-id: ${ALIVE}\r\n`));
    const isAlive = (): boolean => client.answers.at(-1)?.headers.get('x-request-id') === ALIVE;
    await until(() => client.isEnded || isAlive(), each.name, 25_000);
    client.destroy();
    return isAlive() ? client.answers.slice(0, -1).map(told) : [...client.answers.map(told), 'end'];
  }

  describe(`${name} on the wire`, () => {
    for (const each of CASES) {
      slowTest(each.name, async () => expect(await seen(each)).toEqual(expected(each)));
    }

    for (const [index, [framing, before]] of [...FRAMINGS].entries()) {
      slowTest(`a request behind an ambiguous one is not served: ${framing}`, async () => {
        const beat = `{"userId":"smuggled${index}","sessionId":"a"}`;
        const lines = ['POST /heartbeat HTTP/1.1', 'host: localhost', 'content-type: application/json'];
        const client = await RawHttp.open(sidecar.port);
        client.write(before([...lines, `content-length: ${beat.length}`, '', beat].join('\r\n')));
        await client.ended();
        expect((await sidecar.get(`/status/user/smuggled${index}`)).body.online).toBe(false);
      });
    }
  });
}
