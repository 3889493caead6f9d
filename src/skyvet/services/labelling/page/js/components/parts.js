/* Small pieces that several parts of the page share. */

import { classes, html } from "../html.js";
import { keyName } from "../keys.js";

/** A key's name as a small cap beside a button's words. */
export function Key({ name }) {
  return name ? html`<kbd aria-hidden="true">${keyName(name)}</kbd>` : null;
}

/** A button with its key. */
export function KeyButton({ keyHint, title, kind, isOn, isDisabled, onClick, children, ...rest }) {
  return html`<button type="button" class=${classes("button", kind, isOn && "is-on")}
    aria-keyshortcuts=${keyHint} aria-pressed=${isOn === undefined ? undefined : String(isOn)}
    title=${title} disabled=${isDisabled} onClick=${onClick} ...${rest}>
    ${children}<${Key} name=${keyHint} /></button>`;
}

/** A row of choices of which one holds. */
export function Choice({ name, kinds, value, keyHint, onChoose }) {
  return html`<div class="choice" role="group" aria-label=${name}>
    <span class="choice-name">${name}<${Key} name=${keyHint} /></span>
    ${kinds.map(({ kind, title }) => html`<button type="button" key=${kind}
      class=${kind === value ? "is-on" : ""} aria-pressed=${String(kind === value)}
      onClick=${() => onChoose(kind)}>${title}</button>`)}
  </div>`;
}

/**
 * A server's message as a sentence. What follows its semicolon tells the user of a program what to
 * do; the page does that by itself, and says so in its own words.
 */
export function sentence(words) {
  const [fact] = words.split("; ");
  return `${fact.charAt(0).toUpperCase()}${fact.slice(1)}${/[.!?]$/.test(fact) ? "" : "."}`;
}

const SIGNIFICANT = 4;

/** A number short enough to read; what is missing is a dash. */
export function shortNumber(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (size >= 1e9 || (size > 0 && size < 1e-3)) return value.toExponential(2).replace("-", "−");
  if (Number.isInteger(value) || size >= 1e4) {
    return Math.round(value).toLocaleString("en").replace("-", "−");
  }
  const n = Math.max(0, SIGNIFICANT - 1 - Math.floor(Math.log10(size || 1)));
  return value.toFixed(Math.min(n, 4)).replace("-", "−");
}

/** Probability of REAL as people read it. */
export function scoreText(score) {
  if (score > 0.9995 && score < 1) return "> 0.999";
  return score > 0 && score < 0.0005 ? "< 0.001" : score.toFixed(3);
}
