/** Environment and flags → one frozen `Config`. */
import { crossCheck } from './checks.ts';
import { meantBy, nearest } from './nearest.ts';
import { readText, type Setting } from './setting.ts';
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

/** As in an env file that is read without a shell. No value is accepted so: a setting has no other way to show the slip. */
const QUOTED = /^(["']).*\1\s*$/s;
const LEAVE_OUT = 'the quotes are a part of the value: leave them out';
const OTHER_SECRET = ', or choose a secret without quotes around it';

const mayBeFile = (name: SettingName): boolean => SETTINGS[name].secret === true && !SETTINGS[name].isFile;

const NAME_OF_FLAG: ReadonlyMap<string, SettingName> = new Map([
  ['-h', 'help'] as const,
  ...SETTING_NAMES.flatMap((name) => [
    [flagOf(name), name] as const,
    ...(mayBeFile(name) ? [[`${flagOf(name)}-file`, name] as const] : []),
  ]),
]);
const FLAGS = [...NAME_OF_FLAG.keys()];
const VARIABLES = SETTING_NAMES.filter((name) => SETTINGS[name].kind !== 'flag').flatMap((name) =>
  mayBeFile(name) ? [variableOf(name), `${variableOf(name)}_FILE`] : [variableOf(name)],
);

/** Variables that are no setting and look like one: with a typo the setting would silently keep its default. */
function misspelt(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(VARIABLES);
  return (
    Object.keys(env)
      // Kubernetes tells each service's address by the name of the service.
      .filter((name) => env[name] && !env[name].startsWith('tcp://') && !known.has(name))
      .flatMap((name) => {
        const meant = meantBy(name, VARIABLES);
        return meant === undefined
          ? []
          : [`${name} is not a setting: did you mean ${meant}? If it is for another program, unset it for this one`];
      })
  );
}

/** Also of a flag that is written like a variable. */
const suggestion = (written: string, among: readonly string[]): string => {
  const likeFlag = written.toLowerCase().replaceAll('_', '-');
  const meant = among.includes(likeFlag) ? likeFlag : nearest(likeFlag, among);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
};

/** Raw texts by name. Flags win over the environment; an empty text is the same as none. */
function collect(env: Readonly<Record<string, string | undefined>>, argv: readonly string[], faults: string[]) {
  const raw = new Map<SettingName, string>();
  const fromFile = (name: SettingName, label: string, path: string): void => {
    const content = readText(path);
    if (content === undefined) faults.push(`${label}: must be a readable file`);
    else raw.set(name, content.trimEnd());
  };
  for (const name of SETTING_NAMES) {
    if (SETTINGS[name].kind === 'flag') continue;
    const variable = variableOf(name);
    const value = env[variable];
    const path = mayBeFile(name) ? env[`${variable}_FILE`] : undefined;
    if (value && path) faults.push(`${variable} and ${variable}_FILE: set only one of them`);
    else if (value) raw.set(name, value);
    else if (path) fromFile(name, `${variable}_FILE`, path);
  }
  faults.push(...misspelt(env));
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string;
    const [written, attached] = argument.split(/=(.*)/s, 2) as [string, string?];
    const name = NAME_OF_FLAG.get(written);
    if (!name) {
      // A stray word may be a secret whose flag was misspelt: only its position is printed.
      faults.push(
        written.startsWith('-')
          ? `${written}: unknown flag${suggestion(written, FLAGS)}`
          : `argument ${i + 1}: not a flag (flags begin with --)`,
      );
    } else if (SETTINGS[name].kind === 'flag') {
      if (attached === undefined) raw.set(name, 'true');
      else faults.push(`${written}: takes no value`);
    } else {
      const next = argv[i + 1];
      const value = attached ?? (next?.startsWith('--') ? undefined : next);
      if (value === undefined) faults.push(`${written}: needs a value`);
      else if (value === '') raw.delete(name);
      else if (written !== flagOf(name)) fromFile(name, written, value);
      else raw.set(name, value);
      if (attached === undefined && value !== undefined) i++;
    }
  }
  return raw;
}

/**
 * Reads the environment and the flags (`process.argv.slice(2)`).
 * @throws ConfigError with all faults at once. With `--help` or `--print-config` faults are ignored, so that they always print.
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
    // Quoted, as what does not show may be what is wrong: a line end, a tab.
    const label = `${variableOf(name)}${setting.secret ? '' : ` ${JSON.stringify(written)}`}`;
    if (QUOTED.test(written)) faults.push(`${label}: ${LEAVE_OUT}${setting.secret ? OTHER_SECRET : ''}`);
    else if ('value' in parsed) values[name] = parsed.value;
    else faults.push(`${label}: must ${parsed.must}`);
  }
  for (const value of Object.values(values)) Object.freeze(value);
  const config = Object.freeze(values) as Config;
  faults.push(...crossCheck(config, (name) => raw.has(name)));
  if (faults.length > 0 && !config.help && !config.printConfig) throw new ConfigError(faults);
  return config;
}

/** What `--print-config` prints: a line for each setting, as a variable. */
export function printedConfig(config: Config): string {
  const lines = Object.entries(describeConfig(config)).map(
    ([name, value]) => `${variableOf(name as SettingName)}=${value}`,
  );
  return `${lines.join('\n')}\n`;
}

/** The configuration for the log at start. A secret that is set reads `[redacted]`, a URL only where its password was. */
export function describeConfig(config: Config): Record<string, unknown> {
  return Object.fromEntries(
    SETTING_NAMES.filter((name) => SETTINGS[name].kind !== 'flag').map((name) => {
      const setting: Setting = SETTINGS[name];
      const value = config[name];
      if (!setting.secret || String(value) === '') return [name, value ?? ''];
      return [name, setting.show?.(String(value)) ?? REDACTED];
    }),
  );
}
