// tsc emits only TypeScript; the Lua verbs are read at run time from beside their loader.
import { cpSync } from 'node:fs';

cpSync('presence-core/redis/lua', 'dist/presence-core/redis/lua', { recursive: true });
