import { expect, test } from '@jest/globals';
import { openFilesLimit, shareOut } from '../../gateway/limits/descriptors.ts';

test('the limit of open files is read, and guessed where the system does not say', () => {
  const limits =
    'Limit                     Soft Limit           Hard Limit           Units\nMax open files            20000                40000                files\n';
  expect(openFilesLimit(limits)).toBe(20_000);
  expect(openFilesLimit(limits.replace('20000', 'unlimited'))).toBe(Number.MAX_SAFE_INTEGER);
  expect(openFilesLimit('')).toBe(4_096);
  expect(openFilesLimit()).toBeGreaterThan(0);
});

test('most descriptors are for sockets, some for HTTP, and some are kept', () => {
  expect(shareOut(20_000)).toEqual({ sockets: 15_590, http: 3_898 });
  expect(shareOut(1_024)).toEqual({ sockets: 614, http: 154 });
  expect(shareOut(256)).toEqual({ sockets: 153, http: 39 });
});
