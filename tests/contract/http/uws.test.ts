import { createUwsServer } from '../../../gateway/http/server/uws-server.ts';
import { loadUws } from '../../../gateway/transport/uws-module.ts';
import { httpServerConnections } from './connections-contract.ts';
import { type HttpServerKind, httpServerContract } from './http-server-contract.ts';
import { httpServerWire } from './wire-contract.ts';

const uws = await loadUws();
// Loud on purpose: a skipped suite would let the faster server rot.
if (uws instanceof Error) throw uws;

const kind: HttpServerKind = { name: 'uws', transport: 'uws', create: (...args) => createUwsServer(uws, ...args) };

httpServerContract(kind);
httpServerConnections(kind);
httpServerWire(kind);
