/** Players who come and go while something happens. */
import type { Rig } from '../rig/rig.ts';

export async function churn(rig: Rig, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    for (const screen of rig.players.some(0.05)) void screen.leave();
    await rig.pause(100, 300);
    void rig.players.watchAs(rig.players.newUser());
  }
}
