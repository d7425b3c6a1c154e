// Questions to the person: modal, closed by Escape, the focus goes back to where it was.

import { h, render } from "./dom.js";

/** Show a dialog. `body(close)` describes what is in it; resolves with what `close` was given. */
function show(title, body) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", title);
    const close = (value) => {
      dialog.addEventListener("close", () => dialog.remove(), { once: true });
      dialog.close();
      resolve(value);
    };
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      close(null);
    });
    const draw = () => render(dialog, h("h2", null, title), body(close, draw));
    document.body.append(dialog);
    draw();
    dialog.showModal();
  });
}

/** Ask for the API token, which stays in this tab. Resolves with it, or null. */
export function askToken(wrong) {
  return show("API token", (close) =>
    h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          close(new FormData(event.target).get("token").trim() || null);
        },
      },
      h("p", null, wrong ? "The server refused this token." : "This server does what changes something only with its token."),
      h("label", null, "Token", h("input", { name: "token", type: "password", autocomplete: "off", required: true, autofocus: true })),
      h("p", { class: "soft" }, "Kept in this tab until it is closed; never part of an address."),
      buttons(h("button", { type: "button", onclick: () => close(null) }, "Cancel"), h("button", { class: "primary" }, "Go on")),
    ),
  );
}

/** Say what is about to be done; resolves with true when it may. */
export function confirm(title, lines, action, possible = true) {
  return show(title, (close) => [
    lines,
    buttons(
      h("button", { type: "button", onclick: () => close(false) }, possible ? "Cancel" : "Close"),
      possible ? h("button", { type: "button", class: "primary", onclick: () => close(true) }, action) : null,
    ),
  ]);
}

/** Tell what was done, or what went wrong. */
export const tell = (title, lines) =>
  show(title, (close) => [lines, buttons(h("button", { type: "button", class: "primary", onclick: () => close(true) }, "Close"))]);

const buttons = (...children) => h("div", { class: "buttons" }, children);
