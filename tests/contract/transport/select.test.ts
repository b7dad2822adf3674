import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { selectTransport as SelectTransport } from '../../../gateway/transport/select.ts';

const lines: string[] = [];
const log = {
  info: (fields: object, message: string) => void lines.push(`info ${JSON.stringify(fields)} ${message}`),
  warn: (fields: object, message: string) => void lines.push(`warn ${JSON.stringify(fields)} ${message}`),
};

async function load(): Promise<typeof SelectTransport> {
  return (await import('../../../gateway/transport/select.ts')).selectTransport;
}

beforeEach(() => {
  jest.resetModules();
  lines.length = 0;
});

describe('where the native binary loads', () => {
  test.each([
    ['auto', 'uws', 'node:http'],
    ['uws', 'uws', 'uws'],
    ['ws', 'ws', 'node:http'],
  ] as const)('%s is %s, with HTTP by %s', async (wanted, name, http) => {
    const selected = await (await load())(wanted, log);
    expect([selected.name, selected.uws ? 'uws' : 'node:http']).toEqual([name, http]);
    expect(lines).toEqual([`info {"transport":"${name}"} transport selected`]);
  });
});

describe('where it does not', () => {
  beforeEach(() => {
    jest.unstable_mockModule('uWebSockets.js', () => {
      throw new Error('This version supports only Node.js 16\n\nError: Cannot find module');
    });
  });

  test('auto falls back to ws and says why', async () => {
    const selected = await (await load())('auto', log);
    expect([selected.name, selected.uws]).toEqual(['ws', undefined]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^warn {"transport":"ws","reason":"This version supports only Node.js 16"}/);
  });

  test('uws demanded is an error that says what to do', async () => {
    const selectTransport = await load();
    await expect(selectTransport('uws', log)).rejects.toThrow(/install it or use TRANSPORT=ws.*only Node.js 16$/);
  });

  test('ws does not even look', async () => {
    expect((await (await load())('ws', log)).name).toBe('ws');
  });
});
