// The controls of the shell: whether figures are live, how often they change, colours, and whose clock the times are of.

import { h } from "./dom.js";
import { offset } from "./format.js";
import * as themes from "./theme.js";

const STATUS = {
  live: "Live",
  paused: "Paused",
  hidden: "Paused",
  connecting: "Connecting",
  lost: "Connection lost, trying again",
};
let unfolded = false; // on narrow screens: the controls that are seldom wanted

/** `draw()` shows the page again. */
export function controls(live, draw) {
  const quiet = live.paused;
  const turn = () => {
    unfolded = !unfolded;
    draw();
  };
  return h(
    "div",
    { class: unfolded ? "controls unfolded" : "controls" },
    h("p", { class: `status ${live.status}`, role: "status" }, h("i", { "aria-hidden": "true" }), STATUS[live.status]),
    h("button", { type: "button", class: "pause", "aria-pressed": String(quiet), onclick: () => live.pause(!quiet) }, quiet ? "Resume" : "Pause"),
    h("button", { type: "button", class: "unfold", "aria-expanded": String(unfolded), "aria-label": "Pace and colours", onclick: turn }, "⋯"),
    h(
      "label",
      { class: "every" },
      h("span", null, `every ${live.every} s`),
      h("input", {
        type: "range",
        min: "1",
        max: "30",
        value: String(live.every),
        "aria-label": "Seconds between updates",
        "aria-valuetext": `${live.every} seconds`,
        onchange: (event) => live.setEvery(Number(event.target.value)),
        oninput: (event) => (event.target.previousSibling.textContent = `every ${event.target.value} s`),
      }),
    ),
    h(
      "label",
      { class: "theme" },
      h("span", { class: "hidden" }, "Colours"),
      h(
        "select",
        { onchange: (event) => themes.setTheme(event.target.value) },
        themes.THEMES.map((name) => h("option", { value: name, selected: name === themes.theme() }, { system: "Auto", light: "Light", dark: "Dark" }[name])),
      ),
    ),
    h("p", { class: "zone", title: Intl.DateTimeFormat().resolvedOptions().timeZone }, `Times: ${offset(new Date())}`),
  );
}
