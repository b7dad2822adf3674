import { loadUwsTransport } from '../../gateway/transport/uws.ts';
import { websocketConformance } from './websocket-conformance.ts';

const create = await loadUwsTransport();
// Loud on purpose: a skipped suite would let the faster transport rot.
if (create instanceof Error) throw create;

websocketConformance('uws', create);
