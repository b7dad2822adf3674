import { createWsTransport } from '../../../gateway/transport/ws.ts';
import { transportContract } from './transport-contract.ts';

transportContract('ws', createWsTransport, {
  closeTimeoutMs: 300,
  invalidUtf8: { peer: 1007, handler: 1007 },
  protocolError: { peer: 1002, handler: 1002 },
  farTooBig: { peer: 1009, handler: 1009 },
  fragmentFlood: { peer: 1008, handler: 1008 },
  readsEarlyFrames: true,
  noticesMissingMask: true,
});
