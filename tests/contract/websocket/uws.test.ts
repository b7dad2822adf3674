import { uwsTransport } from '../../../gateway/transport/uws.ts';
import { loadUws } from '../../../gateway/transport/uws-module.ts';
import { websocketConformance } from './conformance-contract.ts';

const uws = await loadUws();
// Loud on purpose: a skipped suite would let the faster transport rot.
if (uws instanceof Error) throw uws;

websocketConformance('uws', uwsTransport(uws));
