import { createNodeServer } from '../../../gateway/http/server/node-server.ts';
import { httpServerConnections } from './connections-contract.ts';
import { type HttpServerKind, httpServerContract } from './http-server-contract.ts';
import { httpServerWire } from './wire-contract.ts';

const kind: HttpServerKind = { name: 'node', transport: 'ws', create: createNodeServer };

httpServerContract(kind);
httpServerConnections(kind);
httpServerWire(kind);
