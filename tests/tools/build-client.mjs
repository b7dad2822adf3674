/**
 * The SDK as a package, in dist/gateway/client-package/: each entry as an ES module and as CommonJS with types and source
 * maps, one file for pages as a module and as a classic script, LICENSE, README. `npm pack` takes it from there.
 * The syntax of all is ES2019: TV sets run browsers of that time. Fails when it is not, or when it is too large.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, transformSync } from 'esbuild';

export const OUT = 'dist/gateway/client-package';
const SOURCE = 'gateway/client';
const TARGET = 'es2019';
const TYPES = 'dist/.client-types';
const ENTRIES = ['index', 'tabs', 'react'];
/** What a page pays, gzipped. */
const LIMITS = [
  ['player', "export { PresenceClient } from './index.ts';", 5_120],
  ['all without React', "export * from './index.ts'; export * from './tabs.ts';", 8_192],
];

const read = (path) => readFileSync(path, 'utf8');
const { version, license, repository } = JSON.parse(read('package.json'));

/** Files whose classes are not part of the API. */
const INNER = [
  'change-queue.ts',
  'pending-update.ts',
  'reconnecting-socket.ts',
  'replies.ts',
  'topic-view.ts',
  'watchdog.ts',
];

/**
 * Private names of classes, as long as they are nobody else's: they are shortened. Not those of messages, options, events and
 * the environment.
 */
function privateNames() {
  const sources = readdirSync(SOURCE).filter((name) => name.endsWith('.ts') && !name.startsWith('react'));
  const MEMBER =
    /^ {2}(private |protected )?(?:static |readonly |override |abstract |async |get |set )*(\w+)[?(:<;=! ]/gm;
  const hidden = new Set();
  const shown = new Set(builtInNames());
  for (const name of sources) {
    const text = read(join(SOURCE, name)).replace(
      /\/\*\*(?:(?!\*\/)[\s\S])*@internal(?:(?!\*\/)[\s\S])*\*\/\s*(?=\w)/g,
      'private ',
    );
    const isInner = INNER.includes(name);
    for (const [, modifier, member] of text
      .replace(/^private /gm, '  private ')
      .replace(/^ {2} {2}private /gm, '  private ')
      .matchAll(MEMBER)) {
      (modifier || isInner ? hidden : shown).add(member);
    }
  }
  for (const [, member] of read('gateway/protocol/messages.ts').matchAll(/(\w+)\??:/g)) shown.add(member);
  return [...hidden].filter((name) => !shown.has(name));
}

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
  ];
  const namesOf = (value) =>
    [value, value.prototype, Object.getPrototypeOf(value)]
      .filter(Boolean)
      .flatMap((each) => Object.getOwnPropertyNames(each));
  return [...values.flatMap(namesOf), ...more];
}

const OPTIONS = {
  bundle: true,
  target: TARGET,
  platform: 'neutral',
  sourcemap: true,
  sourcesContent: true,
  legalComments: 'none',
  mangleProps: new RegExp(`^(?:${privateNames().join('|')})$`),
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false, target: TARGET, verbatimModuleSyntax: true } },
};

/** The entries import each other as files of the package, so that all share the same classes. */
function apart(extension) {
  return {
    name: 'apart',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\/(index|tabs)\.ts$/ }, ({ path, kind }) => {
        if (kind === 'entry-point') return undefined;
        return { path: path.replace(/\.ts$/, extension), external: true };
      });
    },
  };
}

async function bundleAll() {
  for (const [format, extension] of [
    ['esm', '.js'],
    ['cjs', '.cjs'],
  ]) {
    for (const entry of ENTRIES) {
      const isMangled = entry === 'index';
      await build({
        ...OPTIONS,
        ...(!isMangled && { mangleProps: undefined }),
        entryPoints: [join(SOURCE, `${entry}.ts`)],
        outfile: join(OUT, entry + extension),
        format,
        external: ['react'],
        minifySyntax: true,
        plugins: [apart(extension)],
      });
    }
  }
  const page = { ...OPTIONS, stdin: { contents: LIMITS[1][1], resolveDir: SOURCE, loader: 'ts' }, minify: true };
  await build({ ...page, outfile: join(OUT, 'client.js'), format: 'esm' });
  await build({ ...page, outfile: join(OUT, 'client.iife.js'), format: 'iife', globalName: 'Presence' });
}

/** One file of types for each entry: what tsc makes of the sources, without the imports between them. */
function writeTypes() {
  rmSync(TYPES, { recursive: true, force: true });
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.client.json'];
  const emit = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--outDir', TYPES, '--rootDir', '.'];
  const { status } = spawnSync(process.execPath, [...tsc, ...emit], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the types of the SDK do not compile');
  for (const entry of ENTRIES) {
    const inline = (path, seen) => {
      if (seen.has(path)) return '';
      seen.add(path);
      const folder = path.slice(0, path.lastIndexOf('/'));
      const text = read(join(TYPES, `${path}.d.ts`));
      let before = '';
      const own = text.replace(/^(?:import|export)\s[^;]*?from\s+'(\.[^']+)\.ts';\n/gm, (whole, from) => {
        const target = join(folder, from);
        const isOther = ENTRIES.some((other) => other !== entry && target === `${SOURCE}/${other}`);
        if (isOther) return whole.replace(/\.ts';\n$/, ".js';\n");
        before += inline(target, seen);
        return path === `${SOURCE}/${entry}` && whole.startsWith('export') ? exportOf(whole, target) : '';
      });
      return before + own.replace(/^\/\/# sourceMappingURL=.*\n?/m, '');
    };
    // An index names what it exports; all else is declared and not exported.
    const exportOf = (whole, target) => {
      const names = whole.includes('*')
        ? [
            ...read(join(TYPES, `${target}.d.ts`)).matchAll(
              /^export (?:declare )?(?:abstract )?(?:class|interface|type|const|function) (\w+)/gm,
            ),
          ]
            .map(([, n]) => n)
            .join(', ')
        : /\{([^}]*)\}/.exec(whole)[1];
      return `/*keep*/export type-or-value { ${names} };\n`;
    };
    let text = inline(`${SOURCE}/${entry}`, new Set());
    if (entry === 'index') {
      text = text
        .replace(/^export (declare |abstract |interface |type |class )/gm, '$1')
        .replace(/^(?:abstract )?class/gm, 'declare $&');
      text = text.replace(
        /\/\*keep\*\/export type-or-value \{ ([^}]*)\};/g,
        (_, names) => `export { ${names.replace(/\btype /g, '').trim()} };`,
      );
    } else {
      text = text.replace(
        /\/\*keep\*\/export type-or-value \{ ([^}]*)\};/g,
        (_, names) => `export { ${names.replace(/\btype /g, '').trim()} };`,
      );
    }
    writeFileSync(join(OUT, `${entry}.d.ts`), text);
    writeFileSync(join(OUT, `${entry}.d.cts`), text.replaceAll(/(from '\.\/\w+)\.js'/g, "$1.cjs'"));
  }
}

function entryOf(name) {
  return {
    import: { types: `./${name}.d.ts`, default: `./${name}.js` },
    require: { types: `./${name}.d.cts`, default: `./${name}.cjs` },
  };
}

function writePackage() {
  const manifest = {
    name: 'presence-gateway-client',
    version,
    description: 'Client of the presence gateway: who is watching what, on how many screens',
    license,
    repository,
    type: 'module',
    sideEffects: false,
    main: './index.cjs',
    module: './index.js',
    types: './index.d.ts',
    unpkg: './client.iife.js',
    jsdelivr: './client.iife.js',
    exports: {
      '.': entryOf('index'),
      './tabs': entryOf('tabs'),
      './react': entryOf('react'),
      './client.js': './client.js',
      './client.iife.js': './client.iife.js',
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
  for (const file of readdirSync(OUT).filter((name) => /\.c?js$/.test(name))) {
    const code = read(join(OUT, file));
    const as = (target) => transformSync(code, { target }).code;
    if (as(TARGET) !== as('esnext')) throw new Error(`${file} has syntax newer than ${TARGET}`);
  }
}

export async function sizes() {
  return Promise.all(
    LIMITS.map(async ([what, contents, limit]) => {
      const stdin = { contents, resolveDir: SOURCE, loader: 'ts' };
      const { outputFiles } = await build({
        ...OPTIONS,
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
  await bundleAll();
  writeTypes();
  writePackage();
  checkSyntax();
}
