/** A generator in a process of its own: does what the command says, and tells once a second what it measured. */
import { nowMs } from './clock.ts';
import { Generator } from './generator.ts';
import type { FromWorker, ToWorker } from './messages.ts';

const TICK_MS = 1_000;
const US_PER_MS = 1_000;

const tell = (message: FromWorker): void => {
  if (process.connected) process.send?.(message);
};

let generator: Generator;
let cpu = process.cpuUsage();
let tickedAtMs = nowMs();

function tick(): void {
  generator.world.check();
  const { user, system } = process.cpuUsage(cpu);
  const now = nowMs();
  const cpuShare = (user + system) / US_PER_MS / Math.max(1, now - tickedAtMs);
  cpu = process.cpuUsage();
  tickedAtMs = now;
  tell({ type: 'tick', tally: generator.world.takeTally().data(), here: generator.world.here, cpuShare });
}

async function obey(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'order':
      generator = new Generator(message.order);
      await generator.begin().then(
        () => tell({ type: 'ready' }),
        (error: Error) => tell({ type: 'ready', failure: error.message }),
      );
      return;
    case 'go':
      setInterval(tick, TICK_MS);
      await generator.run(message.startMs);
      tell({ type: 'planned' });
      return;
    case 'leave': {
      // Who was there before they leave.
      tick();
      const leftBehind = await generator.leave();
      tick();
      tell({ type: 'left', leftBehind });
      return;
    }
    case 'finish':
      await generator.finish(message.made);
      tick();
      process.send?.({ type: 'done' } satisfies FromWorker, () => process.exit(0));
  }
}

process.on('message', (message: ToWorker) => void obey(message));
// A terminal sends it to all processes of the command, which says itself when to end.
process.on('SIGINT', () => {});
// The command is gone: nobody reads what is measured, and no session is left behind.
process.once('disconnect', () => void generator?.leave().finally(() => process.exit(1)));
