/** Small charts as SVG: they stretch with their box, and a line of text says what they show. */
import { useState } from 'preact/hooks';
import { clock, moment, number } from './format.ts';
import type { Point } from './replies.ts';

const WIDTH = 600;

function pathOf(values: readonly number[], height: number, max: number): string {
  const step = WIDTH / Math.max(1, values.length - 1);
  return values
    .map((value, i) => `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${(height - (value / max) * height).toFixed(1)}`)
    .join('');
}

/** @param label what it shows, for who does not see it. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const height = 48;
  const top = Math.max(...values, 1);
  const bottom = Math.min(...values);
  // A line that hardly moves is shown as such: at least a tenth of the value is the height.
  const span = Math.max(top - bottom, top * 0.1, 1);
  const from = Math.max(0, top - span);
  const drawn = values.map((value) => value - from);
  const line = pathOf(drawn, height - 4, span);
  return (
    <svg class="sparkline" viewBox={`0 -2 ${WIDTH} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {values.length > 1 && (
        <>
          <path class="area" d={`${line}L${WIDTH} ${height}L0 ${height}Z`} />
          <path class="line" d={line} />
        </>
      )}
    </svg>
  );
}

/** A round number above the greatest value, and its half one too. */
function ceiling(value: number): number {
  const base = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return ([1, 2, 3, 4, 6, 8, 10].find((factor) => factor * base >= value) ?? 10) * base;
}

const HEIGHT = 180;
const HOURS_6_MS = 6 * 3_600_000;

/** Users and sessions over a day. Arrow keys move the reading. */
export function DayChart({ points, zone }: { points: readonly Point[]; zone: string }) {
  const [index, setIndex] = useState<number>();
  const first = points[0]?.at ?? 0;
  const last = points[points.length - 1]?.at ?? 1;
  const max = ceiling(Math.max(4, ...points.map(({ peakSessions }) => peakSessions)));
  const x = (at: number): number => ((at - first) / Math.max(1, last - first)) * WIDTH;
  const y = (value: number): number => HEIGHT - (value / max) * HEIGHT;
  const lineOf = (pick: (point: Point) => number): string =>
    points.map((point, i) => `${i === 0 ? 'M' : 'L'}${x(point.at).toFixed(1)} ${y(pick(point)).toFixed(1)}`).join('');
  const read = index === undefined ? undefined : points[index];
  const peak = points.reduce(
    (best, point) => (point.peakSessions > best.peakSessions ? point : best),
    points[0] as Point,
  );
  const ticks: number[] = [];
  for (let at = Math.ceil(first / HOURS_6_MS) * HOURS_6_MS; at <= last; at += HOURS_6_MS) ticks.push(at);
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -points.length, End: points.length }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setIndex((at = points.length - 1) => Math.min(points.length - 1, Math.max(0, at + step)));
  };
  const point = (event: MouseEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const at = first + ((event.clientX - box.left) / box.width) * (last - first);
    const next = points.findIndex((each) => each.at >= at);
    setIndex(next < 0 ? points.length - 1 : next);
  };
  const shown = read ?? peak;
  return (
    <figure class="day">
      <figcaption aria-live="polite">
        {read ? <b>{moment(shown.at, zone)}</b> : <b>Peak {moment(shown.at, zone)}</b>}
        <span class="key sessions">{number(read ? shown.sessions : shown.peakSessions)} sessions</span>
        <span class="key users">{number(shown.users)} users</span>
      </figcaption>
      <div
        class="plot"
        role="slider"
        tabIndex={0}
        aria-label="Viewers over the last day: reading"
        aria-valuemin={0}
        aria-valuemax={points.length - 1}
        aria-valuenow={index ?? points.length - 1}
        aria-valuetext={`${moment(shown.at, zone)}: ${number(shown.sessions)} sessions, ${number(shown.users)} users`}
        onKeyDown={move}
        onMouseMove={point}
        onMouseLeave={() => setIndex(undefined)}
      >
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {[0, 0.5, 1].map((part) => (
            <line key={part} class="grid" x1={0} x2={WIDTH} y1={HEIGHT * part} y2={HEIGHT * part} />
          ))}
          <path class="area" d={`${lineOf(({ sessions }) => sessions)}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} />
          <path class="line" d={lineOf(({ sessions }) => sessions)} />
          <path class="line users" d={lineOf(({ users }) => users)} />
          {read && <line class="cursor" x1={x(read.at)} x2={x(read.at)} y1={0} y2={HEIGHT} />}
        </svg>
        <span class="y top">{number(max)}</span>
        <span class="y middle">{number(max / 2)}</span>
        <div class="ticks">
          {ticks.map((at) => (
            <span key={at} style={{ left: `${(x(at) / WIDTH) * 100}%` }}>
              {clock(at, zone)}
            </span>
          ))}
        </div>
      </div>
    </figure>
  );
}
