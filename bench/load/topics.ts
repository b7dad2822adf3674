/** Which dashboards watch: `all,stream=10:interval,users=5:auto,stats`. */
export const TOPIC_KINDS = ['all', 'stats', 'stream', 'user', 'users'] as const;
export const TOPIC_MODES = ['events', 'interval', 'auto'] as const;

export type TopicKind = (typeof TOPIC_KINDS)[number];
export type TopicMode = (typeof TOPIC_MODES)[number];

/** So many dashboards of one kind, each with a socket of its own. */
export interface DashboardGroup {
  readonly kind: TopicKind;
  readonly count: number;
  readonly mode: TopicMode;
}

function isOneOf<T extends string>(list: readonly T[], text: string): text is T {
  return (list as readonly string[]).includes(text);
}

export function readDashboards(text: string): DashboardGroup[] {
  if (text === '' || text === 'none') return [];
  return text.split(',').map((part) => {
    const [, kind = '', count = '1', mode = 'events'] = /^([a-z]+)(?:=(\d+))?(?::([a-z]+))?$/.exec(part.trim()) ?? [];
    if (!isOneOf(TOPIC_KINDS, kind))
      throw new Error(`'${part}' is not a topic such as all, stream=10 or users=5:auto (${TOPIC_KINDS.join(', ')})`);
    if (!isOneOf(TOPIC_MODES, mode)) throw new Error(`'${mode}' is no mode; there are ${TOPIC_MODES.join(', ')}`);
    return { kind, count: Number(count), mode };
  });
}

export const dashboardsText = (groups: readonly DashboardGroup[]): string =>
  groups.map(({ kind, count, mode }) => `${count} × ${kind}${kind === 'stats' ? '' : ` (${mode})`}`).join(', ');
