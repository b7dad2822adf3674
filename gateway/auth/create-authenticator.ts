/** Authenticates the callers of both transports, by token or by API key. */
import { createApiKeys } from './api-keys.ts';
import type { Authentication, Authenticator, AuthOptions } from './authenticator.ts';
import { ANYONE } from './identity.ts';
import { createJwtVerifier } from './jwt.ts';

const NO_CREDENTIALS: Authentication = {
  outcome: 'unknown',
  detail: 'Send a token (authorization: Bearer …) or an API key (x-api-key).',
};
const UNKNOWN_KEY: Authentication = { outcome: 'unknown', detail: 'The API key is not valid.' };

export function createAuthenticator(options: AuthOptions): Authenticator {
  if (options.auth === 'off') {
    return { required: false, authenticate: async () => ({ outcome: 'known', identity: ANYONE }) };
  }
  const verify = createJwtVerifier(options);
  const findKey = createApiKeys(options.apiKeys);
  return {
    required: true,
    async authenticate({ token, apiKey }) {
      if (token !== undefined) return verify(token);
      if (apiKey === undefined) return NO_CREDENTIALS;
      const identity = findKey(apiKey);
      return identity ? { outcome: 'known', identity } : UNKNOWN_KEY;
    },
  };
}
