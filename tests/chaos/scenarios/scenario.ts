/** What is done to a run. */
import type { Exempt } from '../checker/checker.ts';
import type { Rig, RigOptions } from '../rig/rig.ts';

export interface Scenario extends Partial<Omit<RigOptions, 'seed' | 'store'>> {
  readonly name: string;
  readonly store: RigOptions['store'];
  /** What cannot be promised here, each with its reason. */
  readonly exempt?: Exempt;
  /** Part of the short round. */
  readonly isShort?: boolean;
  act(rig: Rig): Promise<void>;
}
