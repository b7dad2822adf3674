/** HistoryDatabase over SQL, for both engines. */
import type { Kysely, Transaction } from 'kysely';
import { type BackOff, pause, retrying, singleFlight } from '../../../presence-core/index.ts';
import type * as api from '../history-database.ts';
import { MAX_ROWS } from '../history-database.ts';
import { HistoryError } from '../history-error.ts';
import { CallLimiter } from './call-limiter.ts';
import { checkSteps, readConcurrency } from './concurrency-reads.ts';
import type { Bounds, Connections } from './connections.ts';
import type { HistoryTables } from './schema.ts';
import { checkQuery, readSessions } from './session-reads.ts';
import { type TrimPart, trimParts } from './trimming.ts';
import { mergeHour, SessionUpsert, upsertSample } from './writes.ts';

/** Rows of one INSERT: at most half a megabyte of text, well within what any server takes. */
const ROWS_PER_INSERT = 250;
const MAX_WAITING = 64;
/** Of a transaction that conflicts with others. */
const ATTEMPTS = 8;
const CONFLICT_BACK_OFF: BackOff = { firstMs: 50, maxMs: 400 };
const TRIM_MS = 30_000;
const STOP_MS = 5_000;

/** Shows that the database answers. */
const selectOne = (db: Kysely<HistoryTables>) => db.selectNoFrom((eb) => eb.lit(1).as('one')).execute();

export class SqlHistory implements api.HistoryDatabase {
  readonly engine: 'sqlite' | 'mysql';
  private readonly connections: Connections;
  private readonly sessionUpsert: SessionUpsert;
  private readonly writes: CallLimiter;
  private readonly reads: CallLimiter;
  private state: 'new' | 'started' | 'stopped' = 'new';
  private readonly prepare = singleFlight(() => this.prepareOnce());

  constructor(connections: Connections, bounds: Bounds) {
    this.connections = connections;
    this.engine = connections.engine;
    this.sessionUpsert = new SessionUpsert(connections.engine);
    const { writers, readers } = connections;
    this.writes = new CallLimiter({ maxRunning: writers, maxWaiting: MAX_WAITING, boundMs: bounds.writeMs });
    this.reads = new CallLimiter({ maxRunning: readers, maxWaiting: MAX_WAITING, boundMs: bounds.readMs });
  }

  async start(): Promise<void> {
    if (this.state === 'stopped') throw this.notStarted();
    await this.prepare();
  }

  async stop(): Promise<void> {
    if (this.state === 'stopped') return;
    this.state = 'stopped';
    // Waits for a start that is under way; without one this does nothing.
    await this.prepare().catch(() => {});
    await Promise.all([this.writes.drained(STOP_MS), this.reads.drained(STOP_MS)]);
    // The writer last: who closes an SQLite file last carries its log into it.
    await this.connections.reader.destroy();
    await this.connections.writer.destroy();
  }

  async ping(): Promise<void> {
    await this.read(selectOne);
  }

  async addSessions(rows: readonly api.EndedSession[]): Promise<void> {
    if (rows.length > MAX_ROWS) throw new RangeError(`at most ${MAX_ROWS} rows at once`);
    if (rows.length === 0) return;
    await this.transaction(async (db) => {
      for (let i = 0; i < rows.length; i += ROWS_PER_INSERT) {
        await this.sessionUpsert.execute(db, rows.slice(i, i + ROWS_PER_INSERT));
      }
    });
  }

  async addSample(sample: api.ConcurrencySample): Promise<void> {
    await this.transaction((db) => upsertSample(db, this.engine, sample));
  }

  async saveHours(records: readonly api.HourRecord[], merge: api.MergeUsers): Promise<void> {
    if (records.length > MAX_ROWS) throw new RangeError(`at most ${MAX_ROWS} records at once`);
    if (records.length === 0) return;
    await this.transaction(async (db) => {
      for (const record of records) await mergeHour(db, this.engine, record, merge);
    });
  }

  async hours(hourAt: number): Promise<api.HourRecord[]> {
    const rows = await this.read((db) =>
      db.selectFrom('presence_hours').selectAll().where('hour_at', '=', hourAt).orderBy('generation').execute(),
    );
    return rows.map((row) => ({
      hourAt: row.hour_at,
      generation: row.generation,
      clicks: row.clicks,
      impressions: row.impressions,
      users: new Uint8Array(row.users),
    }));
  }

  async sessions(query: api.SessionsQuery): Promise<api.SessionsPage> {
    checkQuery(query);
    return this.read((db) => readSessions(db, this.engine, query));
  }

  async concurrency(query: api.ConcurrencyQuery): Promise<api.ConcurrencyPoint[]> {
    checkSteps(query);
    return this.read((db) => readConcurrency(db, query));
  }

  async trim(retention: api.Retention, batchRows: number): Promise<api.Trimmed> {
    if (!(Number.isInteger(batchRows) && batchRows >= 1 && batchRows <= MAX_ROWS)) {
      throw new RangeError(`batchRows must be 1 to ${MAX_ROWS}`);
    }
    const trimmed = { sessions: 0, samples: 0, hours: 0 };
    const until = performance.now() + TRIM_MS;
    for (const part of trimParts(retention)) {
      for (let more = true; more; ) {
        if (performance.now() > until) return { ...trimmed, more: true };
        const begun = performance.now();
        const { deleted, full } = await this.trimBatch(part, batchRows);
        trimmed[part.what] += deleted;
        more = full;
        if (more) await pause(performance.now() - begun);
      }
    }
    return { ...trimmed, more: false };
  }

  private async prepareOnce(): Promise<void> {
    if (this.state !== 'new') return;
    await this.connections.prepare();
    await selectOne(this.connections.reader);
    if (this.state === 'new') this.state = 'started';
  }

  private trimBatch(part: TrimPart, rows: number) {
    return this.transaction((db) => part.batch(db, rows));
  }

  private async read<T>(work: (db: Kysely<HistoryTables>) => Promise<T>): Promise<T> {
    this.assertStarted();
    return this.reads.run(() => work(this.connections.reader));
  }

  private async transaction<T>(work: (db: Transaction<HistoryTables>) => Promise<T>): Promise<T> {
    this.assertStarted();
    const { writer, isConflict } = this.connections;
    return this.writes.run(async (isOver) => {
      let attempts = 0;
      const passes = (error: unknown): boolean => attempts < ATTEMPTS && !isOver() && isConflict(error);
      const result = await retrying({ ...CONFLICT_BACK_OFF, passes }, () => {
        attempts += 1;
        return writer.transaction().execute(work);
      });
      // Without a signal it ends only with a result or an error.
      return result as T;
    });
  }

  private assertStarted(): void {
    if (this.state !== 'started') throw this.notStarted();
  }

  private notStarted(): HistoryError {
    const why = this.state === 'new' ? 'is not open yet' : 'has been closed';
    return new HistoryError('history_unavailable', `the history database ${why}`);
  }
}
