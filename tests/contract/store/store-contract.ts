/** One contract for every presence store; each test names the rule of presence-core/SPEC.md it stands for. */
import { describe } from '@jest/globals';
import { admissionContract } from './admission-contract.ts';
import { analyticsContract } from './analytics-contract.ts';
import { beatsContract } from './beats-contract.ts';
import { groupsContract } from './groups-contract.ts';
import { idsContract } from './ids-contract.ts';
import { leasesContract } from './leases-contract.ts';
import { logContract } from './log-contract.ts';
import { nodesContract } from './nodes-contract.ts';
import { readsContract } from './reads-contract.ts';
import { serversContract } from './servers-contract.ts';
import { silenceContract } from './silence-contract.ts';
import { snapshotContract } from './snapshots-contract.ts';
import type { CreateStore } from './store-fixture.ts';

export type { ContractOptions, ContractStore, CreateStore } from './store-fixture.ts';

export function presenceStoreContract(name: string, create: CreateStore): void {
  describe(`${name} keeps the presence contract`, () => {
    admissionContract(create);
    beatsContract(create);
    idsContract(create);
    leasesContract(create);
    nodesContract(create);
    silenceContract(create);
    readsContract(create);
    logContract(create);
    groupsContract(create);
    snapshotContract(create);
    analyticsContract(create);
    serversContract(create);
  });
}
