/** The log when nobody reads it: it keeps the process neither from its work nor from ending. */
import { expect, test } from '@jest/globals';
import { createLog, unwaiting } from '../../gateway/log.ts';

test('lines that find no room are lost, and their number is told once there is room again', () => {
  const written: Record<string, unknown>[] = [];
  const output = {
    writableLength: 0,
    write: (text: string) => written.push(JSON.parse(text)),
    on: () => {},
  };
  const log = createLog('info', unwaiting(output));
  log.info('first');
  output.writableLength = 2_000_000;
  for (let i = 0; i < 3; i += 1) log.info('unread');
  output.writableLength = 0;
  log.info('next');
  log.info('last');
  expect(written.map(({ message }) => message)).toEqual(['first', expect.stringContaining('lost'), 'next', 'last']);
  expect(written[1]).toMatchObject({ level: 'warn', lost: 3, timestamp: expect.any(String) });
});
