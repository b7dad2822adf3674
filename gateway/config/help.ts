/** What `--help` prints. */

import type { Setting } from './setting.ts';
import { flagOf, SETTING_GROUPS, SETTING_NAMES, SETTINGS, type SettingName, variableOf } from './settings.ts';

const FLAG_COLUMNS = 40;
const SECRETS = SETTING_NAMES.filter((name) => SETTINGS[name].secret && !SETTINGS[name].isFile)
  .map(variableOf)
  .join(', ');

function row(name: SettingName, setting: Setting): string {
  if (setting.kind === 'flag') return `  ${flagOf(name).padEnd(FLAG_COLUMNS)}  ${setting.about}`;
  const head = `${flagOf(name)} ${setting.kind}`;
  const fallback = String(setting.fallback ?? '') === '' ? '' : ` [${setting.fallback}]`;
  return `  ${head.padEnd(FLAG_COLUMNS)}  ${variableOf(name)}: ${setting.about}${fallback}`;
}

export function helpText(): string {
  const groups = Object.entries(SETTING_GROUPS).map(([title, settings]) => {
    const rows = Object.entries(settings).map(([name, setting]) => row(name as SettingName, setting));
    return `${title}\n${rows.join('\n')}\n`;
  });
  return `Usage: npm start -- [flags]

Each setting is a flag (--ws-port 9000) or an environment variable (WS_PORT=9000); the flag wins.
Defaults are in brackets. Names that end in MS are milliseconds. A secret may be in a file: JWT_SECRET_FILE,
DATABASE_URL_FILE and so on name it. Secrets are: ${SECRETS}.

${groups.join('\n')}`;
}
