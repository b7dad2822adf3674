import { uwsTransport } from '../../../gateway/transport/uws.ts';
import { loadUws } from '../../../gateway/transport/uws-module.ts';
import { transportContract } from './transport-contract.ts';

const uws = await loadUws();
// Loud on purpose: a skipped suite would let the faster transport rot.
if (uws instanceof Error) throw uws;

transportContract('uws', uwsTransport(uws), {
  // Its own clock cuts a silent peer and ticks every 4 s.
  closeTimeoutMs: 4_000,
  // uWS cuts these connections without a close frame, and does not say why for a broken frame.
  invalidUtf8: { peer: 1006, handler: 1007 },
  protocolError: { peer: 1006, handler: 1006 },
  farTooBig: { peer: 1006, handler: 1009 },
  fragmentFlood: { peer: 1006, handler: 1009 },
  readsEarlyFrames: false,
  noticesMissingMask: false,
});
