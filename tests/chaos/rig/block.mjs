/** Loaded by a gateway before its own modules (`node --import`): its event loop stands still for so many ms as it is told. */
process.on('message', (ms) => {
  for (const endAt = performance.now() + ms; performance.now() < endAt; );
});
// Listening keeps no process alive that would end.
process.channel?.unref();
