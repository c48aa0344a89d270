// Server-sent events while somebody looks: closed for a hidden page, opened again by itself when it breaks.

const AGAIN_MS = 3000;

export class Stream {
  /** `take` is given what comes, `live` told how the connection is, `lost` called when it is gone for good. */
  constructor(url, { take, live, lost }) {
    Object.assign(this, { url, take, live, lost });
  }

  /** Listen, or do not. */
  look(wanted) {
    if (wanted && !this.source) this.open();
    if (!wanted) this.close();
  }

  close() {
    clearTimeout(this.waiting);
    this.source?.close();
    this.source = undefined;
  }

  open() {
    const source = new EventSource(this.url);
    this.source = source;
    source.onopen = () => this.live("live");
    source.onmessage = (message) => this.take(JSON.parse(message.data));
    source.onerror = () => {
      this.live("lost");
      if (source.readyState !== EventSource.CLOSED || source !== this.source) return;
      this.close();
      this.lost?.();
      this.waiting = setTimeout(() => this.open(), AGAIN_MS);
    };
  }
}
