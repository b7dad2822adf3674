/**
 * The SDK as a package, in dist/gateway/client-package/: each entry as an ES module (.mjs) and as CommonJS (.js), with types
 * and a source map. Pages load the same files: index.mjs as a module, index.js as a classic script, which sets `Presence`.
 * `npm pack` takes the package from there. The syntax is ES2019: TV sets run browsers of that time.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, transformSync } from 'esbuild';
import { byLine } from './source-map.mjs';

export const OUT = 'dist/gateway/client-package';
const SOURCE = 'gateway/client';
const TARGET = 'es2019';
const TYPES = 'dist/.client-types';
const ENTRIES = ['index', 'react'];
/** What a page pays, gzipped. */
const LIMITS = [
  ['player', "export { PresenceClient } from './index.ts';", 5_120],
  ['all without React', "export * from './index.ts';", 8_192],
];

const read = (path) => readFileSync(path, 'utf8');
const { version, license, repository } = JSON.parse(read('package.json'));

/** Members that no type of the package shows: they are shortened. What goes over the wire, or between tabs, is not. */
function privateNames() {
  const MEMBER =
    /^ {2}(?:private |protected )?(?:static |readonly |override |abstract |async |get |set )*(\w+)[?(:<;=! ]/gm;
  const SHOWN =
    /^ +(?!private |protected )(?:static |readonly |abstract |get |set )*(\w+)[?(:<;]|[{;,] (?:readonly )?(\w+)\??:/gm;
  const sources = readdirSync(SOURCE).filter((name) => name.endsWith('.ts') && !name.startsWith('react'));
  const hidden = new Set(
    sources.flatMap((name) => [...read(join(SOURCE, name)).matchAll(MEMBER)].map(([, member]) => member)),
  );
  for (const name of [...builtInNames(), ...BETWEEN_TABS]) hidden.delete(name);
  for (const [, member, inner] of read(join(OUT, 'index.d.ts')).matchAll(SHOWN)) hidden.delete(member ?? inner);
  for (const [, member] of read('gateway/protocol/messages.ts').matchAll(/(\w+)\??:/g)) hidden.delete(member);
  return [...hidden];
}

/** Tabs of one page may have loaded different builds. */
const BETWEEN_TABS = ['from', 'to', 'frame', 'leader', 'lock'];

/** Names of the environment. */
function builtInNames() {
  const values = [
    Array,
    Map,
    Set,
    Promise,
    Object,
    Function,
    String,
    Number,
    Date,
    Math,
    JSON,
    Event,
    EventTarget,
    Error,
    BroadcastChannel,
    Symbol,
    Array.prototype.values(),
  ];
  const more = [
    'document',
    'navigator',
    'locks',
    'request',
    'crypto',
    'fetch',
    'close',
    'send',
    'WebSocket',
    'visibilityState',
    'onmessage',
    'randomUUID',
    // The end of a `for await`.
    'return',
  ];
  const namesOf = (value) =>
    [value, value.prototype, Object.getPrototypeOf(value)]
      .filter(Boolean)
      .flatMap((each) => Object.getOwnPropertyNames(each));
  return [...Object.getOwnPropertyNames(globalThis), ...values.flatMap(namesOf), ...more];
}

const optionsOf = () => ({
  bundle: true,
  target: TARGET,
  platform: 'neutral',
  sourcemap: true,
  // The package has the sources, once for all maps.
  sourcesContent: false,
  legalComments: 'none',
  mangleProps: new RegExp(`^(?:${privateNames().join('|')})$`),
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false, target: TARGET, verbatimModuleSyntax: true } },
});

/** Another entry is a file of the package, so that all share the same classes. */
const APART = {
  name: 'apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/index\.ts$/ }, ({ kind }) =>
      kind === 'entry-point' ? undefined : { path: './index.mjs', external: true },
    );
  },
};

const EXPORTS = /export\{([^}]*)\};\n?$/;

/**
 * One bundle, and of it two files that share a source map: what stands before the code is as long in both.
 * @param imports turns the imports of the module into those of CommonJS.
 */
async function bundle(entry, name, mangle) {
  const { outputFiles } = await build({
    ...optionsOf(),
    ...(!mangle && { mangleProps: undefined }),
    entryPoints: [join(SOURCE, `${entry}.ts`)],
    outfile: join(OUT, `${entry}.mjs`),
    format: 'esm',
    minify: true,
    external: ['react'],
    plugins: [APART],
    write: false,
  });
  const [map, code] = outputFiles.map(({ text }) => text);
  const link = `\n//# sourceMappingURL=${entry}.map\n`;
  const body = code.replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n');
  const [, exported] = EXPORTS.exec(body);
  const members = exported
    .split(',')
    .map((each) => each.split(' as '))
    .map(([own, shown = own]) => `${shown}:${own}`);
  const head = `var ${name}=(()=>{`;
  const required = body.replace(EXPORTS, '').replaceAll(/import\{([^}]*)\}from"([^"]*)";/g, (whole, names, from) => {
    return `const{${names.replaceAll(' as ', ':')}}=require("${from.replace('.mjs', '.js')}");`.padEnd(whole.length);
  });
  const tail = `return{${members}}})();typeof module=="object"&&(module.exports=${name});`;
  writeFileSync(join(OUT, `${entry}.mjs`), `/*${' '.repeat(head.length - 4)}*/${body.trimEnd()}${link}`);
  writeFileSync(join(OUT, `${entry}.js`), `${head}${required.trimEnd()}${tail}${link}`);
  writeFileSync(join(OUT, `${entry}.map`), sourceMap(JSON.parse(map), head.length));
}

/** With the sources, without their comments; a place is a line: columns would double the package. */
function sourceMap({ sources, mappings }, headLength) {
  const contents = sources.map((source) =>
    read(join(OUT, source))
      .replace(/\/\*\*[\s\S]*?\*\//g, (text) => text.replace(/[^\n]/g, ''))
      .replace(/^ *\/\/.*$/gm, ''),
  );
  const names = sources.map((source) => /(?:client|protocol)\/[\w-]+\.ts$/.exec(source)[0]);
  return JSON.stringify({
    version: 3,
    sources: names,
    sourcesContent: contents,
    names: [],
    mappings: byLine(mappings, headLength),
  });
}

/** One file of types for each entry: what tsc makes of the sources, without the imports between them. */
function writeTypes() {
  rmSync(TYPES, { recursive: true, force: true });
  const emit = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--outDir', TYPES, '--rootDir', '.'];
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.client.json', ...emit];
  if (spawnSync(process.execPath, tsc, { stdio: 'inherit' }).status !== 0) throw new Error('the SDK has no types');
  for (const entry of ENTRIES) {
    const text = typesOf(entry);
    writeFileSync(join(OUT, `${entry}.d.ts`), text);
    writeFileSync(join(OUT, `${entry}.d.mts`), `export * from './${entry}.js';\n`);
  }
  rmSync(TYPES, { recursive: true });
}

const FROM_FILE = /^(?:import|export) (type )?(\*|\{[^}]*\}) from '(\.[^']+)\.ts';\n/gm;
const DECLARED_TYPE = /^export (?:interface|type) (\w+)/gm;

const namesIn = (list) =>
  list
    .slice(1, -1)
    .split(',')
    .map((name) => name.replace('type ', '').trim())
    .filter(Boolean);
const typesIn = (file) => [...read(join(TYPES, `${file}.d.ts`)).matchAll(DECLARED_TYPE)].map(([, name]) => name);

/** The declarations of a file behind those of the files it imports, each once; then what the entry exports. */
function typesOf(entry) {
  const seen = new Set();
  const exported = [];
  const imported = new Set();
  const declarationsOf = (path) => {
    if (seen.has(path)) return '';
    seen.add(path);
    let before = '';
    const isEntry = path === join(SOURCE, entry);
    const own = read(join(TYPES, `${path}.d.ts`)).replace(FROM_FILE, (whole, _, names, from) => {
      const file = join(path, '..', from);
      // Other entries are files of the package as well.
      const other = ENTRIES.find((name) => name !== entry && file === join(SOURCE, name));
      if (other) {
        for (const name of namesIn(names)) imported.add(`import type { ${name} } from './${other}.js';\n`);
        return '';
      }
      before += declarationsOf(file);
      if (!isEntry || !whole.startsWith('export')) return '';
      exported.push(...(names === '*' ? typesIn(file) : namesIn(names)));
      return '';
    });
    const bare = own.replace(/^\/\/# sourceMappingURL=.*\n?/gm, '').replace(/^export \{\};\n/gm, '');
    return (
      before +
      (isEntry
        ? bare
        : bare.replace(/^export (?=\w)/gm, '').replace(/^(?=abstract class|class|const|function)/gm, 'declare '))
    );
  };
  const declarations = declarationsOf(join(SOURCE, entry));
  return `${[...imported].join('')}${declarations}export { ${exported.join(', ')} };\n`;
}

function entryOf(name) {
  return {
    import: { types: `./${name}.d.mts`, default: `./${name}.mjs` },
    require: { types: `./${name}.d.ts`, default: `./${name}.js` },
  };
}

function writePackage() {
  const manifest = {
    name: 'presence-gateway-client',
    version,
    description: 'Client of the presence gateway: who is watching what, on how many screens',
    license,
    repository,
    sideEffects: false,
    main: './index.js',
    module: './index.mjs',
    types: './index.d.ts',
    exports: {
      '.': entryOf('index'),
      './react': entryOf('react'),
      './package.json': './package.json',
    },
    peerDependencies: { react: '>=18' },
    peerDependenciesMeta: { react: { optional: true } },
    engines: { node: '>=18' },
  };
  writeFileSync(join(OUT, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  copyFileSync('LICENSE', join(OUT, 'LICENSE'));
  copyFileSync(join(SOURCE, 'README.md'), join(OUT, 'README.md'));
}

/** What a newer syntax would be written as in ES2019 shows that there is some. */
function checkSyntax() {
  for (const file of readdirSync(OUT).filter((name) => /\.m?js$/.test(name))) {
    const code = read(join(OUT, file));
    const as = (target) => transformSync(code, { target }).code;
    if (as(TARGET) !== as('esnext')) throw new Error(`${file} has syntax newer than ${TARGET}`);
  }
}

/** Of what was built last. */
export async function sizes() {
  const options = optionsOf();
  return Promise.all(
    LIMITS.map(async ([what, contents, limit]) => {
      const stdin = { contents, resolveDir: SOURCE, loader: 'ts' };
      const { outputFiles } = await build({
        ...options,
        stdin,
        minify: true,
        format: 'esm',
        sourcemap: false,
        write: false,
      });
      return { what, limit, bytes: gzipSync(outputFiles[0].contents, { level: 9 }).length };
    }),
  );
}

export async function buildClient() {
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  writeTypes();
  await bundle('index', 'Presence', true);
  await bundle('react', 'PresenceReact', false);
  writePackage();
  checkSyntax();
}
