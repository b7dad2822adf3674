/** From the bytes of a request to its JSON value. */
import { isUtf8 } from 'node:buffer';
import { invalidRequest, Problem } from '../problem.ts';

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/**
 * An empty body is `{}`: what a route requires is then named as missing.
 * @throws Problem `unsupported_media_type` or `invalid_request`
 */
export function parseBody(
  bytes: Buffer,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): unknown {
  if (bytes.length === 0) return {};
  if (contentType === undefined || !JSON_TYPE.test(contentType)) {
    throw new Problem('unsupported_media_type', 'Send content-type: application/json, in UTF-8.');
  }
  if (contentEncoding !== undefined && contentEncoding !== 'identity') {
    throw new Problem('unsupported_media_type', 'Send the body without content-encoding.');
  }
  if (isUtf8(bytes)) {
    try {
      return JSON.parse(bytes.toString('utf8'));
    } catch {
      // Told below: the parser's words would quote the body.
    }
  }
  throw invalidRequest([{ path: 'body', message: 'is not valid JSON' }]);
}
