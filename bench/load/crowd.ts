/** Who is there and who is away, by the plan. */
import { below, type Random } from './random.ts';

export class Crowd {
  private readonly here: number[] = [];
  /** Of each who is here, where in `here`. */
  private readonly places = new Map<number, number>();
  private readonly away: number[];
  private created: number;

  constructor(comers: number, players: number) {
    this.away = Array.from({ length: players - comers }, (_, i) => comers + i);
    this.created = players;
  }

  comes(player: number): void {
    if (this.places.has(player)) return;
    this.places.set(player, this.here.push(player) - 1);
  }

  goes(player: number): void {
    const place = this.places.get(player);
    if (place === undefined) return;
    const last = this.here.pop() as number;
    this.places.delete(player);
    if (last === player) return;
    this.here[place] = last;
    this.places.set(last, place);
  }

  isAway(player: number): void {
    this.away.push(player);
  }

  /** Somebody who is away, or else somebody new. */
  takeAway(random: Random): number {
    if (this.away.length === 0) return this.created++;
    const place = below(random, this.away.length);
    const player = this.away[place] as number;
    this.away[place] = this.away.at(-1) as number;
    this.away.pop();
    return player;
  }

  takeAllAway(): number[] {
    return this.away.splice(0);
  }

  everyoneHere(): number[] {
    return [...this.here];
  }

  drawHere(random: Random): number | undefined {
    return this.here[below(random, this.here.length)];
  }
}
