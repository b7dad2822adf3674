/** Parses the JSON body of a request. */
import { isUtf8 } from 'node:buffer';
import { invalidRequest, Problem } from '../problem.ts';

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/**
 * An empty body is `{}`: the schema then reports the required fields as missing.
 * @throws Problem `unsupported_media_type` or `invalid_request`
 */
export function parseBody(
  bytes: Buffer,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): unknown {
  if (bytes.length === 0) return {};
  if (contentType === undefined || !JSON_TYPE.test(contentType)) {
    throw new Problem('unsupported_media_type', 'Send JSON in UTF-8 with the header content-type: application/json.');
  }
  if (contentEncoding !== undefined && contentEncoding !== 'identity') {
    throw new Problem('unsupported_media_type', 'Send the body uncompressed, without content-encoding.');
  }
  if (isUtf8(bytes)) {
    try {
      return JSON.parse(bytes.toString('utf8'));
    } catch {
      // Reported below: the parser's message would quote the body.
    }
  }
  throw invalidRequest([{ path: 'body', message: 'is not valid JSON' }]);
}
