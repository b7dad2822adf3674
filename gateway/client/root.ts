/** The global object. Engines of 2018 and 2019, as in TV sets, have no `globalThis`. */
declare const self: typeof globalThis;

export const root = (typeof globalThis === 'object' ? globalThis : self) as typeof globalThis;
