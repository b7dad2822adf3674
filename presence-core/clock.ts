/** Epoch milliseconds. The memory store's only source of time, so that tests can step it. */
export type Clock = () => number;

export const systemClock: Clock = Date.now;
