/* One table of keys: the key handler, the buttons' hints and the help page all read it. */

import {
  chooseMode, chooseQueue, flip, keep, label, magnify, skip, stepConfidence, undo,
} from "./actions.js";
import { COLOUR_MAPS } from "./colour_maps.js";
import * as grid from "./grid_actions.js";
import {
  canLabel, changeView, isHelpOpen, isOfSources, mode, queueKind, subclasses, theme, view, zoom,
} from "./state.js";
import { CURVES, LIMITS } from "./stretch.js";
import { sourceBindings } from "./source_actions.js";

const THEMES = ["auto", "light", "dark"].map((kind) => ({ kind }));

/** The kind after this one, round and round. */
export function following(kinds, kind) {
  const i = kinds.findIndex((entry) => entry.kind === kind);
  return kinds[(i + 1) % kinds.length].kind;
}

export const isLabelling = () => canLabel.value;
const inSingle = () => canLabel.value && mode.value === "single";
const inGrid = () => mode.value === "grid";
const inAudit = () => inSingle() && queueKind.value === "audit";

const giveOrMark = (value) => () => (inGrid() ? grid.mark(grid.focused.value, value)
  : label(value));

/** Focus the comment field; its own keys bring back. */
export function focusComment() {
  document.getElementById("comment")?.focus();
}

const FIXED = [
  { group: "Label", keys: ["r"], title: "Real", run: giveOrMark("real"), when: isLabelling },
  { group: "Label", keys: ["b"], title: "Bogus", run: giveOrMark("bogus"), when: isLabelling },
  { group: "Label", keys: ["u"], title: "Unknown", run: giveOrMark("unknown"), when: isLabelling },
  { group: "Label", keys: ["k"], title: "Keep the given label (audit)", run: keep, when: inAudit },
  { group: "Label", keys: ["f"], title: "Flip the given label (audit)", run: flip, when: inAudit },
  { group: "Label", keys: ["[", "ArrowDown"], title: "Less confident",
    run: () => stepConfidence(-1), when: inSingle },
  { group: "Label", keys: ["]", "ArrowUp"], title: "More confident",
    run: () => stepConfidence(1), when: inSingle },
  { group: "Label", keys: ["c"], title: "Comment (Enter or Esc: done)", run: focusComment,
    when: inSingle },
  { group: "Go", keys: ["s"], title: "Skip", when: () => true,
    run: () => (inGrid() ? grid.mark(grid.focused.value, "skip") : skip()) },
  { group: "Go", keys: ["z", "Ctrl+z"], title: "Undo", run: undo, when: isLabelling },
  { group: "Go", keys: ["g"], title: "Grid, or one at a time",
    run: () => chooseMode(inGrid() ? "single" : "grid") },
  { group: "Go", keys: ["a"], title: "Audit queue, or the strategy's",
    run: () => chooseQueue(queueKind.value === "audit" ? "strategy" : "audit") },
  { group: "Go", keys: ["?"], title: "This help", run: () => { isHelpOpen.value = true; } },
  { group: "Look", keys: ["v"], title: "Limits: zscale, min–max, 99 %",
    run: () => changeView({ limits: following(LIMITS, view.value.limits) }) },
  { group: "Look", keys: ["l"], title: "Curve: linear, sqrt, asinh",
    run: () => changeView({ curve: following(CURVES, view.value.curve) }) },
  { group: "Look", keys: ["i"], title: "Invert",
    run: () => changeView({ isInverted: !view.value.isInverted }) },
  { group: "Look", keys: ["m"], title: "Colour map",
    run: () => changeView({ colours: following(COLOUR_MAPS, view.value.colours) }) },
  { group: "Look", keys: ["h"], title: "One scale for all planes",
    run: () => changeView({ isShared: !view.value.isShared }) },
  { group: "Look", keys: ["x"], title: "Crosshair",
    run: () => changeView({ hasCrosshair: !view.value.hasCrosshair }) },
  { group: "Look", keys: ["+", "="], title: "Zoom in (or wheel)", run: () => magnify(2) },
  { group: "Look", keys: ["-"], title: "Zoom out", run: () => magnify(0.5) },
  { group: "Look", keys: ["0"], title: "Whole stamp",
    run: () => { zoom.value = { zoom: 1, x: 0.5, y: 0.5 }; } },
  { group: "Look", keys: ["p"], title: "Grid: next plane",
    run: () => changeView({ gridPlane: (view.value.gridPlane + 1) % 3 }), when: inGrid },
  { group: "Look", keys: ["n"], title: "Light curve: flux or magnitudes",
    run: () => changeView({ isMagnitude: !view.value.isMagnitude }) },
  { group: "Look", keys: ["t"], title: "Theme: automatic, light, dark",
    run: () => { theme.value = following(THEMES, theme.value); } },
  { group: "Grid", keys: ["ArrowLeft"], title: "Left", run: () => grid.step(-1, 0), when: inGrid },
  { group: "Grid", keys: ["ArrowRight"], title: "Right", run: () => grid.step(1, 0), when: inGrid },
  { group: "Grid", keys: ["ArrowUp"], title: "Up", run: () => grid.step(0, -1), when: inGrid },
  { group: "Grid", keys: ["ArrowDown"], title: "Down", run: () => grid.step(0, 1), when: inGrid },
  { group: "Grid", keys: [" "], title: "Mark as the opposite",
    run: () => grid.toggle(grid.focused.value), when: inGrid },
  { group: "Grid", keys: ["Shift+B"], title: "All unmarked: bogus",
    run: () => grid.chooseBase("bogus"), when: inGrid },
  { group: "Grid", keys: ["Shift+R"], title: "All unmarked: real",
    run: () => grid.chooseBase("real"), when: inGrid },
  { group: "Grid", keys: ["Enter"], title: "Label them all", run: grid.applySweep, when: inGrid },
];

/** Keys that mean the same where sources are labelled. */
const FOR_SOURCES = new Set(["u", "[", "]", "c", "s", "z", "?", "t"]);

/** All bindings: the fixed ones and one for each sub-class, or those of sources. */
export function bindings() {
  if (isOfSources.value) {
    return [...sourceBindings(), ...FIXED.filter(({ keys }) => FOR_SOURCES.has(keys[0]))];
  }
  const named = subclasses.value.filter((kind) => kind.key).map((kind) => ({
    group: "Sub-class",
    keys: [kind.key],
    title: `${spaced(kind.name)} (${kind.label})`,
    run: () => label(kind.label, kind.name),
    when: inSingle,
  }));
  return [...FIXED, ...named];
}

/** "bad_column" as people write it. */
export const spaced = (name) => name.replaceAll("_", " ");

const KEY_NAMES = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", " ": "Space", "-": "−",
};

/** A key as it stands on a button. */
export function keyName(key) {
  return KEY_NAMES[key] ?? (key.length === 1 ? key.toUpperCase()
    : key.replace("+z", "+Z").replace("Shift+", "⇧"));
}

function nameOfPress(event) {
  if (event.ctrlKey || event.metaKey) {
    return event.key.toLowerCase() === "z" && !event.shiftKey ? "Ctrl+z" : null;
  }
  if (event.altKey) return null;
  const digit = /^Digit([0-9])$/.exec(event.code)?.[1];
  if (digit) return event.shiftKey ? `Shift+${digit}` : digit;
  if (event.shiftKey && /^[a-z]$/i.test(event.key)) return `Shift+${event.key.toUpperCase()}`;
  return /^[A-Z]$/.test(event.key) ? event.key.toLowerCase() : event.key;
}

/** Whether a press belongs to the element with the focus, not to the page. */
function isTaken(event) {
  const target = event.target;
  if (target.matches("input, textarea, select")) return true;
  const activates = event.key === "Enter" || event.key === " ";
  return activates && target.matches("button, a, summary") && !target.matches(".cell");
}

function onKeyDown(event) {
  if (isHelpOpen.value) return;
  if (isTaken(event)) return;
  const press = nameOfPress(event);
  if (!press || (event.repeat && !press.startsWith("Arrow"))) return;
  const found = bindings().find(({ keys, when }) => keys.includes(press) && (when?.() ?? true));
  if (!found) return;
  event.preventDefault();
  found.run();
}

/** Listen to the keyboard. A button that was clicked gives the focus back to the page. */
export function listenToKeys() {
  document.addEventListener("keydown", onKeyDown);
  document.addEventListener("click", (event) => {
    if (event.detail > 0) event.target.closest("button:not(.cell)")?.blur();
  });
}
