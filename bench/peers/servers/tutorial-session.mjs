/** One socket of the tutorial: what it sends, and what that does. The transport gives `send` and `watch`. */
import { beat, change, join, leave } from './tutorial-presence.mjs';

export class TutorialSession {
  constructor({ send, watch }) {
    this.send = send;
    this.watch = watch;
    this.player = undefined;
  }

  async received(text) {
    const message = JSON.parse(text);
    if (message.type === 'hello') {
      if (await join(message)) {
        this.player = message;
        this.send('{"type":"welcome"}');
      } else {
        this.send('{"type":"refused"}');
      }
    } else if (message.type === 'watch') {
      this.watch();
      this.send('{"type":"watching"}');
    } else if (message.type === 'beat') {
      await beat(this.player);
    } else if (message.type === 'update') {
      await change(this.player, message.streamId);
    }
  }

  closed() {
    if (this.player) void leave(this.player);
  }
}
