/** Whole snapshots, page by page. */
import type { PresenceStore, SnapshotPage } from '../../presence-core/index.ts';

/** Each page with the part it begins with. */
export async function* pagesOf(
  store: PresenceStore,
  streamId?: string,
): AsyncGenerator<SnapshotPage & { readonly first: number }> {
  const { parts } = store.snapshots;
  for (let first = 0; first < parts; ) {
    const page = await store.snapshots.page(first, streamId);
    yield { ...page, first };
    first = page.next;
  }
}
