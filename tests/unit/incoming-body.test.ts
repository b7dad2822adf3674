import { expect, test } from '@jest/globals';
import { BodyMemory } from '../../gateway/http/server/body-memory.ts';
import { IncomingBody } from '../../gateway/http/server/incoming-body.ts';

test('many small chunks take no more memory than twice what they hold, and are in order', async () => {
  const body = new IncomingBody(new BodyMemory(6_100));
  const read = body.read(3_500, 3_000);
  for (let i = 0; i < 3_000; i++) expect(body.receive(Buffer.from([i % 251]))).toBe(true);
  body.complete();
  expect([...(await read)]).toEqual(Array.from({ length: 3_000 }, (_, i) => i % 251));
});

test('memory is given back however a body ends, and once', async () => {
  const memory = new BodyMemory(10);
  const ends: ((body: IncomingBody) => void)[] = [
    (body) => body.drop(),
    (body) => body.abort(),
    (body) => body.receive(Buffer.alloc(100)),
    (body) => {
      body.complete();
      body.drop();
      body.drop();
    },
  ];
  for (const end of ends) {
    const body = new IncomingBody(memory);
    body.read(20, 0).catch(() => undefined);
    body.receive(Buffer.alloc(5));
    body.receive(Buffer.alloc(2));
    end(body);
    expect([memory.take(10), memory.take(1)]).toEqual([true, false]);
    memory.give(10);
  }
});
