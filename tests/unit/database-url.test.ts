import { expect, test } from '@jest/globals';
import { type DatabaseLocation, HistoryError, parseDatabaseUrl } from '../../gateway/history/index.ts';

const mysql = (more: object = {}): object => ({
  engine: 'mysql',
  host: 'db.example',
  port: 3306,
  user: 'me',
  password: 'pw',
  database: 'presence',
  tls: false,
  ...more,
});

test('each form is read into its parts', () => {
  const forms: [string, object | undefined][] = [
    ['none', undefined],
    ['sqlite:./data/presence.db', { engine: 'sqlite', file: './data/presence.db' }],
    ['sqlite:/var/lib/with space/p%20.db', { engine: 'sqlite', file: '/var/lib/with space/p%20.db' }],
    ['mysql://me:pw@db.example/presence', mysql()],
    ['mariadb://me:pw@db.example:3307/presence', mysql({ port: 3307 })],
    ['mysql://me@db.example/presence', mysql({ password: '' })],
    ['mysql://me:pw@[::1]:3307/presence', mysql({ host: '::1', port: 3307 })],
    [
      'mysql://m%40e:p%40ss%2Fw%3Ard%25%3F%23@db.example/a-b_c$1',
      mysql({ user: 'm@e', password: 'p@ss/w:rd%?#', database: 'a-b_c$1' }),
    ],
    ['mysql://me:pw@db.example/presence?ssl=true', mysql({ tls: true })],
    ['mysql://me:pw@db.example/presence?ssl=false', mysql()],
  ];
  for (const [text, location] of forms)
    expect(parseDatabaseUrl(text)).toEqual(location as DatabaseLocation | undefined);
});

test('anything else is refused, without a word of its password', () => {
  const secret = 'hush4';
  const bad = [
    '',
    'presence.db',
    'SQLITE:x.db',
    'sqlite:',
    'sqlite:data/',
    'sqlite::memory:',
    'sqlite:x.db?mode=ro',
    `postgres://me:${secret}@db/presence`,
    `mysql:me:${secret}@db/presence`,
    `mysql://me:${secret}@db`,
    `mysql://me:${secret}@db/`,
    `mysql://me:${secret}@db/a/b`,
    `mysql://me:${secret}@db/a%00`,
    `mysql://me:${secret}@db/presence#x`,
    `mysql://me:${secret}@db:99999/presence`,
    `mysql://:${secret}@db/presence`,
    `mysql://me:${secret}/x@db/presence`,
    `mysql://me:${secret}#x@db/presence`,
    `mysql://me:${secret}?x@db/presence`,
    `mysql://me:1/${secret}@db/presence`,
    `mysql://me:${secret}%zz@db/presence`,
    `mysql://me:pw@db/presence?${secret}=1`,
    `mysql://me:pw@db/presence?ssl=${secret}`,
    'mysql://me:pw@db/presence?ssl=true&ssl=false',
    'mysql://me:pw@10.0.0.1/presence?ssl=true',
    'mysql://me:pw@[::1]/presence?ssl=true',
  ];
  for (const text of bad) {
    const parse = (): unknown => parseDatabaseUrl(text);
    expect(parse).toThrow(HistoryError);
    expect(parse).toThrow(/^DATABASE_URL /);
    expect(parse).not.toThrow(secret);
  }
});
