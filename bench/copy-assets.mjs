// tsc emits only TypeScript; the Lua verbs are read at run time from beside their loader.
import { cpSync } from 'node:fs';

cpSync('presence-core/lua', 'dist/presence-core/lua', { recursive: true });
