/** A timer that fires so much too late was held up with the whole page or device. */
const SLEPT_MS = 2_000;

/**
 * A bound on how long others may take: calls `late` after `ms`. When the page or the device slept meanwhile, what arrived
 * in its sleep is read first: the time runs once more.
 * @returns a function that ends it.
 */
export function timeBound(ms: number, late: () => void): () => void {
  const dueAt = Date.now() + ms;
  let timer = setTimeout(() => {
    if (Date.now() - dueAt < SLEPT_MS) late();
    else timer = setTimeout(late, ms);
  }, ms);
  return () => clearTimeout(timer);
}
