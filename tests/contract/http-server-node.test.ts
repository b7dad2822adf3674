import { createNodeServer } from '../../gateway/http/server/node-server.ts';
import { httpServerConnections } from './http-server-connections.ts';
import { type HttpServerKind, httpServerContract } from './http-server-contract.ts';
import { httpServerWire } from './http-server-wire.ts';

const kind: HttpServerKind = { name: 'node', transport: 'ws', create: createNodeServer };

httpServerContract(kind);
httpServerConnections(kind);
httpServerWire(kind);
