#!/usr/bin/env node
/** `npm start`: one process of the presence gateway. */
import { main } from './command.ts';

await main();
