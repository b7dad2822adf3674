/** The SDK for pages, as it was built with this gateway. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Type } from 'typebox';
import { Problem } from '../problem.ts';
import { type HttpReply, type Route, route, type Tag } from '../route.ts';
import { cacheable, IfNoneMatch } from './documents.ts';

const tag: Tag = {
  name: 'Client',
  description:
    'The SDK for web pages, as a module and as a classic script. The unversioned address always has the one of this gateway and is revalidated; its header content-location names an address that never changes and may be cached for ever.',
};

/** From this file as built, and as written. */
const PLACES = ['../../client-package/', '../../../dist/gateway/client-package/'];
const BUILD_LENGTH = 12;
const TYPE = 'text/javascript; charset=utf-8';
/** A page of any origin may load it. */
const OPEN = { 'access-control-allow-origin': '*', 'x-content-type-options': 'nosniff' };
const FOR_EVER = { ...OPEN, 'cache-control': 'public, max-age=31536000, immutable', 'content-type': TYPE };

interface Script {
  /** Name in a URL, and in the package. */
  readonly name: string;
  readonly file: string;
  readonly summary: string;
  readonly start: string;
}

const SCRIPTS: readonly Script[] = [
  { name: 'client.js', file: 'index.mjs', summary: 'Get the SDK as an ES module', start: '/*' },
  { name: 'client.iife.js', file: 'index.js', summary: 'Get the SDK as a classic script', start: 'var Presence=' },
];

const Build = Type.Object({ build: Type.String({ description: 'Build, as content-location names it' }) });

/** @returns undefined where the SDK was not built. */
function read(file: string): string | undefined {
  const place = PLACES.map((folder) => new URL(folder + file, import.meta.url)).find((url) => existsSync(url));
  // The map is in the package.
  return place && readFileSync(place, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\n$/, '\n');
}

export function clientRoutes(): Route[] {
  return SCRIPTS.flatMap(({ name, file, summary, start }) => {
    const code = read(file);
    if (code === undefined) return [];
    const build = createHash('sha256').update(code).digest('hex').slice(0, BUILD_LENGTH);
    const newest = cacheable(TYPE, code, { ...OPEN, 'content-location': `/client/${build}/${name}` });
    return [
      route({
        method: 'GET',
        path: `/${name}`,
        tag,
        summary,
        schema: { headers: IfNoneMatch },
        textType: 'text/javascript',
        revalidates: true,
        examples: [{ title: 'First characters', text: start }],
        scope: 'none',
        handler: ({ headers }) => newest(headers['if-none-match']),
      }),
      route({
        method: 'GET',
        path: `/client/:build/${name}`,
        tag,
        summary: `${summary}, at an address that never changes`,
        schema: { params: Build },
        textType: 'text/javascript',
        problems: [{ code: 'not_found' }],
        examples: [{ title: 'First characters', params: { build }, text: start }],
        scope: 'none',
        async handler({ params }): Promise<HttpReply<never>> {
          if (params.build !== build) throw new Problem('not_found', `This gateway has the build ${build}.`);
          return { status: 200, text: code, headers: FOR_EVER };
        },
      }),
    ];
  });
}
