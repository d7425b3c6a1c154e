// Figures, times and lengths of time as people read them. A missing value is a dash.

const NUMBER = new Intl.NumberFormat("en");
export const NONE = "–";

/** 1234567 -> "1,234,567" */
export const count = (value) => (value === null || value === undefined ? NONE : NUMBER.format(value));

/** A figure with `digits` decimals. */
export const figure = (value, digits = 3) => (value === null || value === undefined ? NONE : value.toFixed(digits));

/** 0.1234 of 1 -> "12.3 %", 0.5 of 1 -> "50 %"; small shares stay visible. The same as `percent` in app/charts. */
export function share(part, whole) {
  if (!whole) return NONE;
  const percent = Number(((100 * part) / whole).toFixed(9));
  if (percent > 0 && percent < 0.01) return "<0.01\u202f%";
  return `${percent.toFixed(Number.isInteger(percent) || percent >= 100 ? 0 : percent >= 1 ? 1 : 2)}\u202f%`;
}

/** Seconds -> "0.4 ms", "350 ms", "2.5 s", "1 min 30 s", "2 h 5 min", "3 d 4 h". */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  const value = Math.abs(seconds);
  if (value === 0) return "0 s";
  if (value < 0.00005) return "< 0.1 ms";
  if (value < 0.001) return `${(value * 1000).toFixed(1)} ms`;
  if (value < 0.9995) return `${Math.round(value * 1000)} ms`;
  if (value < 9.95) return `${value.toFixed(1)} s`;
  if (value < 59.5) return `${Math.round(value)} s`;
  if (value < 7200) return two(Math.round(value), 60, "min", "s");
  if (value < 172800) return two(Math.round(value / 60), 60, "h", "min");
  return two(Math.round(value / 3600), 24, "d", "h");
}

function two(value, unit, large, small) {
  const rest = value % unit;
  return `${Math.floor(value / unit)} ${large}${rest ? ` ${rest} ${small}` : ""}`;
}

/** Whole seconds, for what counts down or up. */
export function whole(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  const value = Math.round(Math.abs(seconds));
  return value < 10 ? `${value} s` : span(value);
}

const pad = (value, width = 2) => String(value).padStart(width, "0");

/** ISO or Unix seconds -> Date. */
export const date = (at) => new Date(typeof at === "number" ? at * 1000 : at);

/** "14:03:07", by the clock of who looks. */
export function clock(at) {
  const when = date(at);
  return `${pad(when.getHours())}:${pad(when.getMinutes())}:${pad(when.getSeconds())}`;
}

/** "2026-11-26 14:03:07" */
export function moment(at) {
  if (!at) return NONE;
  const when = date(at);
  return `${when.getFullYear()}-${pad(when.getMonth() + 1)}-${pad(when.getDate())} ${clock(at)}`;
}

/** By how much the clock of who looks is ahead of UTC at a time: "UTC+01:00". */
export function offset(at) {
  const minutes = -date(at).getTimezoneOffset();
  const size = Math.abs(minutes);
  return minutes ? `UTC${minutes < 0 ? "\u2212" : "+"}${pad(Math.floor(size / 60))}:${pad(size % 60)}` : "UTC";
}

/** "2026-11-26 14:03:07 UTC+01:00" */
export const exact = (at) => (at ? `${moment(at)} ${offset(at)}` : NONE);

/** How long ago, or in how long, seen from `now` (ISO, the server's clock). */
export function since(at, now, none = NONE) {
  if (!at) return none;
  return Math.max(0, (date(now) - date(at)) / 1000);
}

/** "low_quality" -> "low quality" */
export const words = (name) => String(name).replaceAll("_", " ");

/** The plural, unless it is one. */
export const many = (value, one, more = `${one}s`) => `${count(value)} ${value === 1 ? one : more}`;

/** 17695 -> "17.3 KiB" */
export function bytes(value) {
  if (value === null || value === undefined) return NONE;
  const power = value < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(value) / 10));
  if (!power) return `${count(value)} B`;
  const shown = value / 1024 ** power;
  return `${shown < 99.95 ? shown.toFixed(1) : Math.round(shown)} ${["", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

const TURNING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

const escape = (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Text that reads as it is written: what turns the writing round, and controls, as escapes. What joins letters stays. */
export const upright = (text) => text.replace(TURNING, escape);

/** Foreign text with what can't be seen, or turns the writing round, as escapes; `lines`: breaks stay. */
export const visible = (text, lines = false) =>
  text.replace(UNSEEN, (found) => (lines && (found === "\n" || found === "\t") ? found : escape(found)));
