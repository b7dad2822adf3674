import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { readFileSync, readdirSync } from 'node:fs';
for (const target of ['es2022','es2019']) for (const [name, src] of Object.entries({
 player: "export {PresenceClient} from './gateway/client/index.ts'",
 sub: "export {PresenceSubscription} from './gateway/client/index.ts'",
 all: "export * from './gateway/client/index.ts'; export * from './gateway/client/tabs.ts'", tabs: "export * from './gateway/client/tabs.ts'" })) {
const r = await build({ stdin:{contents:src,resolveDir:process.cwd(),loader:'ts'}, bundle:true, minify:true, format:'esm', platform:'browser', target, write:false, metafile:true, mangleProps: process.argv[2] ? new RegExp(process.argv[2]) : undefined, tsconfigRaw: {compilerOptions:{useDefineForClassFields: false, target}}});
const c = r.outputFiles[0].contents;
console.log(target, name, c.length, gzipSync(c,{level:9}).length);
if (name==='all' && target==='es2019') for (const [k,v] of Object.entries(Object.values(r.metafile.outputs)[0].inputs)) console.log('   ', k, v.bytesInOutput);
}
