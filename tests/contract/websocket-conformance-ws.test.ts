import { createWsTransport } from '../../gateway/transport/ws.ts';
import { websocketConformance } from './websocket-conformance.ts';

websocketConformance('ws', createWsTransport);
