/** One contract for every presence store; each test names the rule of presence-core/SPEC.md it stands for. */
import { describe } from '@jest/globals';
import type { CreateStore } from './contract-stage.ts';
import { admissionContract } from './presence-store-contract-admission.ts';
import { analyticsContract } from './presence-store-contract-analytics.ts';
import { beatsContract } from './presence-store-contract-beats.ts';
import { groupsContract } from './presence-store-contract-groups.ts';
import { leasesContract } from './presence-store-contract-leases.ts';
import { logContract } from './presence-store-contract-log.ts';
import { nodesContract } from './presence-store-contract-nodes.ts';
import { readsContract } from './presence-store-contract-reads.ts';
import { serversContract } from './presence-store-contract-servers.ts';
import { snapshotContract } from './presence-store-contract-snapshot.ts';

export type { ContractOptions, ContractStore, CreateStore } from './contract-stage.ts';

export function presenceStoreContract(name: string, create: CreateStore): void {
  describe(`${name} keeps the presence contract`, () => {
    admissionContract(create);
    beatsContract(create);
    leasesContract(create);
    nodesContract(create);
    readsContract(create);
    logContract(create);
    groupsContract(create);
    snapshotContract(create);
    analyticsContract(create);
    serversContract(create);
  });
}
