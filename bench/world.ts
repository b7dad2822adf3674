/** The world of the demo: who lives in it, what they watch, and when. History and live players are drawn from the same. */

export interface Place {
  readonly country: string;
  readonly state: string;
}

export interface Device {
  readonly deviceType: string;
  /** How its owner calls it. */
  readonly name: string;
}

/** One screen of a household. */
export interface Viewer {
  readonly userId: string;
  readonly deviceId: string;
  readonly device: Device;
  readonly place: Place;
  /** Of a household with more screens than slots, which are on at any hour. */
  readonly isKeen: boolean;
}

/** Slots of a user, as MAX_STREAMS has them by default. */
export const LIMIT = 3;

export const STREAMS = [
  'tnt',
  'espn',
  'abc',
  'hbo',
  'news24',
  'kids',
  'cinema',
  'docu',
  'sports1',
  'sports2',
  'music',
  'nature',
  'comedy',
  'drama',
  'crime',
  'scifi',
  'history',
  'travel',
  'food',
  'retro',
] as const;

const DEVICES: readonly Device[] = [
  { deviceType: 'android', name: 'phone' },
  { deviceType: 'ios', name: 'iPad' },
  { deviceType: 'web', name: 'laptop' },
  { deviceType: 'appletv', name: 'living room' },
  { deviceType: 'firetv', name: 'bedroom' },
  { deviceType: 'roku', name: 'kitchen' },
];

/** More often the nearer to the front, as the square of a draw favours it. */
const PLACES: readonly Place[] = [
  { country: 'US', state: 'CA' },
  { country: 'US', state: 'TX' },
  { country: 'US', state: 'NY' },
  { country: 'US', state: 'FL' },
  { country: 'DE', state: 'BE' },
  { country: 'DE', state: 'BY' },
  { country: 'GB', state: 'LND' },
  { country: 'BR', state: 'SP' },
  { country: 'FR', state: 'IDF' },
  { country: 'ES', state: 'MD' },
  { country: 'IN', state: 'MH' },
  { country: 'JP', state: '13' },
  { country: 'MX', state: 'CMX' },
  { country: 'CA', state: 'ON' },
  { country: 'AU', state: 'NSW' },
  { country: 'PL', state: 'MZ' },
];

/** Of impressions, the share that is clicked. */
export const CLICKS = 0.1;

const NAMES = ['mia', 'noah', 'emma', 'liam', 'lena', 'paul', 'sofia', 'lucas', 'anna', 'jonas', 'clara', 'felix'];
/** Screens of households: those with 5 are at their limit most of the time. */
const SCREENS = [1, 2, 1, 3, 2, 5, 1, 2];

/** Shares of the screens that are on in the dead of night and at the evening's peak. */
const NIGHT = 0.25;
const EVENING = 0.8;
const KEEN = 0.7;
const PEAK_HOUR = 21;
const HOUR_MS = 3_600_000;

export const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;
const pickFront = <T>(list: readonly T[]): T => list[Math.floor(Math.random() ** 2 * list.length)] as T;
export const pickStream = (): string => pickFront(STREAMS);
/** From an exponential distribution, as stays and pauses of people are. */
export const drawn = (meanMs: number): number => Math.min(-Math.log(1 - Math.random()), 5) * meanMs;

/** How many watch, as a share of all screens, by the local time. */
export function shareAt(at: number): number {
  const hour = (at - new Date(at).getTimezoneOffset() * 60_000) / HOUR_MS;
  const height = (1 + Math.cos(((hour - PEAK_HOUR) / 24) * 2 * Math.PI)) / 2;
  return NIGHT + (EVENING - NIGHT) * height ** 1.5;
}

/** How likely it is that the viewer watches now. */
export const chanceOf = ({ isKeen }: Viewer, at: number): number => (isKeen ? KEEN : shareAt(at));

/** @param count screens in all */
export function makeViewers(count: number): Viewer[] {
  const viewers: Viewer[] = [];
  for (let household = 0; viewers.length < count; household++) {
    const userId = `${NAMES[household % NAMES.length]}-${Math.floor(household / NAMES.length) + 1}`;
    const place = pickFront(PLACES);
    const screens = Math.min(SCREENS[household % SCREENS.length] as number, count - viewers.length);
    for (let i = 0; i < screens; i++) {
      const device = DEVICES[(household + i) % DEVICES.length] as Device;
      viewers.push({ userId, deviceId: `${userId}-${i}`, device, place, isKeen: screens > LIMIT });
    }
  }
  return viewers;
}
