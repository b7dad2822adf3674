/** Environment and flags → one frozen `Config`. */
import { crossCheck } from './checks.ts';
import type { Setting } from './setting.ts';
import { type Config, flagOf, SETTING_NAMES, SETTINGS, type SettingName, variableOf } from './settings.ts';
import { REDACTED } from './without-password.ts';

export { helpText } from './help.ts';
export { type Config, DEFAULT_DATABASE_URL } from './settings.ts';

export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`Invalid configuration:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

const NAME_OF_FLAG: ReadonlyMap<string, SettingName> = new Map(SETTING_NAMES.map((name) => [flagOf(name), name]));

/** Raw texts by name. Flags win over the environment; an empty text is the same as none. */
function collect(env: Readonly<Record<string, string | undefined>>, argv: readonly string[], faults: string[]) {
  const raw = new Map<SettingName, string>();
  for (const name of SETTING_NAMES) {
    const value = SETTINGS[name].kind === 'flag' ? undefined : env[variableOf(name)];
    if (value) raw.set(name, value);
  }
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string;
    const [written, attached] = argument.split(/=(.*)/s, 2) as [string, string?];
    const name = NAME_OF_FLAG.get(written);
    if (!name) {
      // A stray word may be a secret whose flag was misspelt: only its position is printed.
      faults.push(
        written.startsWith('-') ? `${written}: unknown flag` : `argument ${i + 1}: not a flag (flags begin with --)`,
      );
    } else if (SETTINGS[name].kind === 'flag') {
      if (attached === undefined) raw.set(name, 'true');
      else faults.push(`${written}: takes no value`);
    } else {
      const next = argv[i + 1];
      const value = attached ?? (next?.startsWith('--') ? undefined : next);
      if (value === undefined) faults.push(`${written}: needs a value`);
      else if (value === '') raw.delete(name);
      else raw.set(name, value);
      if (attached === undefined && value !== undefined) i++;
    }
  }
  return raw;
}

/**
 * Reads the environment and the flags (`process.argv.slice(2)`).
 * @throws ConfigError with all faults at once. With `--help` faults are ignored, so that it always prints.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>, argv: readonly string[]): Config {
  const faults: string[] = [];
  const raw = collect(env, argv, faults);
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) {
    const setting: Setting = SETTINGS[name];
    const written = raw.get(name);
    values[name] = setting.fallback;
    if (written === undefined) continue;
    const parsed = setting.parse(written);
    if ('value' in parsed) values[name] = parsed.value;
    else faults.push(`${variableOf(name)}${setting.secret ? '' : ` "${written}"`}: must ${parsed.must}`);
  }
  for (const value of Object.values(values)) Object.freeze(value);
  const config = Object.freeze(values) as Config;
  faults.push(...crossCheck(config, (name) => raw.has(name)));
  if (faults.length > 0 && !config.help) throw new ConfigError(faults);
  return config;
}

/** The configuration for the log at start. A secret that is set reads `[redacted]`, a URL only where its password was. */
export function describeConfig(config: Config): Record<string, unknown> {
  return Object.fromEntries(
    SETTING_NAMES.filter((name) => SETTINGS[name].kind !== 'flag').map((name) => {
      const setting: Setting = SETTINGS[name];
      const value = config[name];
      if (!setting.secret || String(value) === '') return [name, value];
      return [name, setting.show?.(String(value)) ?? REDACTED];
    }),
  );
}
