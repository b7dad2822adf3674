/** The text of a topic of users. Ids are divided at commas and then percent-decoded, as lists in a URL are (W23). */

/** `users:<id>,<id>…` with the ids' own commas and percent signs escaped. */
export function usersTopic(userIds: readonly string[]): string {
  // An array as a text has commas between.
  return `users:${userIds.map((userId) => userId.replace(/[%,]/g, encodeURIComponent))}`;
}
