// The live stream: one connection while the page is seen and not paused, and the points so far.

const KEPT = 900;
const GAP_SECONDS = 4;
const AGAIN_MS = 2000;

export class Live {
  /** `changed()` is called whenever `status`, `state` or `points` have changed. */
  constructor(changed) {
    this.changed = changed;
    this.paused = false;
    this.every = Number(localStorage.getItem("answerloop-every")) || 1;
    this.status = "connecting";
    this.state = null;
    this.points = [];
    this.source = null;
    this.failures = 0;
    this.seenAt = null; // when the worker was last heard of, by the clock of who looks
  }

  /** Whether the worker has been asked again in vain: a moment without it is no news. */
  get unanswered() {
    return this.failures > 1;
  }

  /** Listen from now on, whenever the page is seen. */
  start() {
    document.addEventListener("visibilitychange", () => this.reconnect());
    this.reconnect();
  }

  pause(paused) {
    this.paused = paused;
    this.reconnect();
  }

  setEvery(seconds) {
    this.every = seconds;
    localStorage.setItem("answerloop-every", seconds);
    this.reconnect();
  }

  reconnect() {
    this.source?.close();
    clearTimeout(this.timer);
    this.source = null;
    if (this.paused || document.hidden) {
      this.tell(this.paused ? "paused" : "hidden");
      return;
    }
    this.source = new EventSource(`/live?every=${this.every}`);
    this.source.addEventListener("history", (event) => this.recall(JSON.parse(event.data)));
    this.source.addEventListener("state", (event) => this.take(JSON.parse(event.data)));
    this.source.addEventListener("error", () => this.lost());
  }

  lost() {
    this.source?.close();
    this.source = null;
    this.failures += 1;
    this.tell("lost");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.reconnect(), AGAIN_MS);
  }

  recall(columns) {
    const names = Object.keys(columns);
    const points = (columns.at ?? []).map((_, row) => Object.fromEntries(names.map((name) => [name, columns[name][row]])));
    if (points.length) this.points = points;
  }

  take(state) {
    this.state = state;
    this.failures = 0;
    this.seenAt = new Date();
    if (state.point) this.add(state.point);
    this.tell("live");
  }

  add(point) {
    const last = this.points.at(-1);
    if (last && point.at - last.at > GAP_SECONDS + this.every) this.points.push({ at: last.at + 0.001 });
    this.points.push(point);
    if (this.points.length > KEPT) this.points.splice(0, this.points.length - KEPT);
  }

  tell(status) {
    this.status = status;
    this.changed();
  }
}
