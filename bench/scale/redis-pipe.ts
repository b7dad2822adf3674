/** Writes commands by the million through `redis-cli --pipe`, which counts what Redis refused. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { endWithUs } from '../children.ts';

/** Written at one go. */
const CHUNK_LENGTH = 262_144;
const SAID_LENGTH = 500;

export class RedisPipe {
  private readonly child: ChildProcess;
  private readonly ended: Promise<string>;
  private text = '';

  constructor(port: number) {
    this.child = spawn('redis-cli', ['-p', String(port), '--pipe'], { stdio: 'pipe' });
    endWithUs(this.child);
    this.ended = this.collect();
    // Told by `end`, or by the next `drained`.
    this.ended.catch(() => {});
    this.child.stdin?.on('error', () => {});
  }

  /** ASCII only: lengths are counted in characters. */
  write(parts: readonly string[]): void {
    this.text += `*${parts.length}\r\n`;
    for (const part of parts) this.text += `$${part.length}\r\n${part}\r\n`;
  }

  /** Sends what was written, once it is worth it; resolves when more may be. */
  async drained(): Promise<void> {
    if (this.text.length >= CHUNK_LENGTH) await this.send();
  }

  /** @throws Error when a command was refused. */
  async end(): Promise<void> {
    await this.send();
    this.child.stdin?.end();
    const said = await this.ended;
    if (!said.includes('errors: 0,')) throw new Error(`redis-cli --pipe: ${said.trim()}`);
  }

  private async send(): Promise<void> {
    const { text } = this;
    this.text = '';
    const isFlowing = this.child.stdin?.write(text, 'latin1');
    if (!isFlowing) await Promise.race([once(this.child.stdin as NodeJS.WritableStream, 'drain'), this.ended]);
  }

  private async collect(): Promise<string> {
    let said = '';
    // Of each command that is refused a line of its own: the last ones will do.
    const hear = (data: Buffer): void => {
      said = (said + data.toString()).slice(-SAID_LENGTH);
    };
    this.child.stderr?.on('data', hear);
    this.child.stdout?.on('data', hear);
    const [code] = await once(this.child, 'close');
    if (code !== 0) throw new Error(`redis-cli --pipe ended with ${code}: ${said.trim()}`);
    return said;
  }
}
