/* What was done last, with the score that the label revealed; a click takes it back. */

import { useLayoutEffect, useRef } from "../../vendor/preact-hooks.mjs";
import { idOf, tagsOf, undoGroup } from "../actions.js";
import { paint, pictures, visiblePart } from "../drawing.js";
import { classes, html } from "../html.js";
import { spaced } from "../keys.js";
import { prefetchAlso, stampsArrived, stampsOf } from "../stamps.js";
import { canLabel, history, isOfSources, session, view } from "../state.js";
import { SmallFold } from "./fold_plot.js";
import { scoreText } from "./parts.js";

const N_SHOWN = 48;
const THUMB_PX = 96;
const WHOLE = { zoom: 1, x: 0.5, y: 0.5 };

/** The difference (or another plane) of a candidate as a small picture. */
export function Thumb({ item, i = 2, size = THUMB_PX }) {
  const canvas = useRef(null);
  stampsArrived.value;
  const stamps = stampsOf(item);
  const settings = view.value;
  useLayoutEffect(() => {
    if (!stamps?.planes) return;
    const { canvases, limits } = pictures(stamps, settings);
    paint(canvas.current, limits[i] && canvases[i], visiblePart(stamps, WHOLE));
  }, [item.key, stamps, settings, i, size]);
  return html`<canvas ref=${canvas} class=${classes("thumb", !stamps && "is-waiting")}
    width=${size} height=${size} aria-hidden="true"></canvas>`;
}

const FIRST_KEYS = [
  ["R", "real"], ["B", "bogus"], ["U", "unknown"], ["S", "skip"], ["Z", "take back"],
  ["C", "comment"], ["G", "forty-eight at once"], ["A", "labels that look wrong"], ["?", "all keys"],
];

const SOURCE_KEYS = [
  ["1", "tick the likeliest class"], ["/", "find a class"], ["R", "label with these"],
  ["B", "none of them"], ["U", "unknown"], ["S", "skip"], ["Z", "take back"], ["→", "next period"],
  ["?", "all keys"],
];

/** Names of one survey are alike but for their ends. */
const shortId = (name) => (name.length > 10 ? `…${name.slice(-8)}` : name);

function Entry({ entry }) {
  const { item, event, score, group } = entry;
  const value = event?.value ?? "skipped";
  const word = event?.subclass ? tagsOf(spaced(event.subclass)).join(", ")
    : isOfSources.value && value === "bogus" ? "no class" : value;
  const hasScore = score !== null && score !== undefined;
  return html`<li><button type="button" class=${`entry entry-${value}`}
      title=${`Take back ${idOf(item)}, ${item.key}`} onClick=${() => undoGroup(group)}>
    ${item.source ? html`<${SmallFold} item=${item} />` : html`<${Thumb} item=${item} />`}
    <span class=${`word-${value}`}>${word}</span>
    <small>${hasScore ? `score ${scoreText(score)}` : event ? shortId(idOf(item)) : "no label"}</small>
  </button></li>`;
}

export function Recent() {
  if (!canLabel.value) return null;
  const shown = history.value.slice(0, N_SHOWN);
  prefetchAlso(shown.map((entry) => entry.item));
  return html`<section class="recent" aria-label="Last labels">
    <h2>Last labels</h2>
    ${shown.length ? html`<ol>${shown.map((entry) => html`<${Entry} entry=${entry}
        key=${entry.event?.event_key ?? `${entry.group}/${entry.item.key}`} />`)}</ol>`
      : html`<div class="quiet"><p>None yet.${session.value.is_blind
        && " Scores stay hidden until you label."}</p><ul class="first-keys">${(isOfSources.value ? SOURCE_KEYS : FIRST_KEYS).map(
        ([key, words]) => html`<li key=${key}><kbd>${key}</kbd> ${words}</li>`)}</ul></div>`}
  </section>`;
}
