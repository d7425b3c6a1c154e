// Light, dark, or as the system has it: kept in this browser.

const KEY = "answerloop-theme";
export const THEMES = ["system", "light", "dark"];

export const theme = () => (THEMES.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "system");

export function setTheme(name) {
  localStorage.setItem(KEY, name);
  apply();
}

export function apply() {
  if (theme() === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme();
}
