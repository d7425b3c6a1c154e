// Looking through a topic's messages piece by piece: a page, or a search that tells how far it is.

import { query, read } from "./api.js";

const ROWS = 50;
const MOST_LOOKED = 500_000;
const MOST_MS = 60_000;
const BUSY_TRIES = 20;
const BUSY_MS = 1000;

export class Look {
  /** `wanted`: the parameters of the address; `changed()` is called whenever there is more to show. */
  constructor(topic, wanted, changed) {
    Object.assign(this, { topic, wanted, changed, messages: [], looked: 0, total: null, error: null, stopped: false, reading: false, older: 0, newer: 0 });
    this.go();
  }

  /** Whether messages are picked out: then many are looked at for each that is shown. */
  get searching() {
    return Boolean(this.wanted.key || this.wanted.filter || this.wanted.bad);
  }

  /** How many offsets lie further in the direction of the look. */
  get left() {
    return this.direction === "newer" ? this.newer : this.older;
  }

  stop() {
    this.stopped = true;
    this.aborting?.abort();
  }

  /** Look further: from the beginning, or from where it was stopped or had reached a bound. */
  async go() {
    if (this.reading) return;
    Object.assign(this, { reading: true, stopped: false, error: null });
    this.aborting = new AbortController();
    const [until, most] = [Date.now() + MOST_MS, this.looked + MOST_LOOKED];
    try {
      do {
        const data = await this.piece();
        if (this.stopped) break;
        this.take(data);
        this.changed();
      } while (!this.stopped && this.left && this.messages.length < ROWS && this.looked < most && Date.now() < until);
    } catch (error) {
      if (error.name !== "AbortError") this.error = error;
    }
    this.reading = false;
    this.changed();
  }

  async piece() {
    const { before, after, ...rest } = this.wanted;
    const place = this.low === undefined ? this.wanted : { ...without(rest), [this.direction === "newer" ? "after" : "before"]: this.direction === "newer" ? this.high : this.low };
    const path = `/ui/api/topics/${encodeURIComponent(this.topic)}/messages${query({ ...place, limit: ROWS - this.messages.length })}`;
    for (let tries = BUSY_TRIES; ; tries -= 1) {
      try {
        return await read(path, this.aborting.signal);
      } catch (error) {
        if (error.status !== 503 || !tries || this.stopped) throw error;
        await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
      }
    }
  }

  take(data) {
    const first = this.low === undefined;
    this.direction = data.direction;
    this.looked += data.looked;
    if (first || data.direction === "older") Object.assign(this, { low: data.low, older: data.older });
    if (first || data.direction === "newer") Object.assign(this, { high: data.high, newer: data.newer });
    this.messages = data.direction === "newer" ? [...data.messages, ...this.messages] : [...this.messages, ...data.messages];
    this.total = this.looked + this.left;
  }
}

const without = ({ from_time, offset, ...rest }) => rest;

/** How many messages have come since beyond a cut ("0:12,1:7"), by what partitions hold now. */
export function beyond(cut, partitions) {
  const ends = new Map(partitions.map((each) => [each.partition, each.end]));
  return cut.split(",").reduce((sum, part) => {
    const [partition, at] = part.split(":").map(Number);
    return sum + Math.max(0, (ends.get(partition) ?? at) - at);
  }, 0);
}
