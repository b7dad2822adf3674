import { createWsTransport } from '../../../gateway/transport/ws.ts';
import { websocketConformance } from './conformance-contract.ts';

websocketConformance('ws', createWsTransport);
