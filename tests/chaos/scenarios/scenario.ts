/** What is done to a run. */
import type { Exempt } from '../checker/checker.ts';
import type { Rig, RigOptions } from '../rig/rig.ts';

export interface Scenario extends Partial<Omit<RigOptions, 'seed' | 'store'>> {
  readonly name: string;
  readonly store: RigOptions['store'];
  /** What cannot be promised here, each with its reason. */
  readonly exempt?: Exempt;
  /** It needs a rig that no other scenario uses. */
  readonly isAlone?: boolean;
  /** Part of the short round. */
  readonly isShort?: boolean;
  /** Why it cannot be run here, if so: then that is said. */
  readonly lacks?: () => string | undefined;
  act(rig: Rig): Promise<void>;
}
