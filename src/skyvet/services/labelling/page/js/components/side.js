/* What is known of the candidate at hand: names, score, light curve, key numbers. */

import { html } from "../html.js";
import { focused } from "../grid_actions.js";
import { PLANES } from "../drawing.js";
import { canLabel, current, isOfSources, isScoreHidden, mode, session } from "../state.js";
import { ClassTree } from "./class_tree.js";
import { LightCurve } from "./light_curve.js";
import { scoreText, shortNumber } from "./parts.js";
import { Thumb } from "./recent.js";

const DETAIL_PX = 240;

function Names({ item }) {
  return html`<header class="names">
    <h2 class="id" title=${item.object_id}>${item.object_id ?? item.candidate_id}</h2>
    <p class="quiet"><span class="survey">${item.survey}</span>
      ${item.band && html` · ${item.band} band`} · <span class="id">${item.candidate_id}</span></p>
  </header>`;
}

function Score({ item }) {
  const { bundle } = session.value;
  if (item.score === null || item.score === undefined) {
    const hidden = canLabel.value ? "Hidden until you label" : "Hidden while others label";
    const words = !bundle ? "No bundle, no score" : isScoreHidden() ? hidden : "No score";
    return html`<div class="score score-none"><span>Score</span><b>${words}</b></div>`;
  }
  return html`<div class="score" title=${`Probability of real by ${bundle}`}>
    <span>Score</span>
    <div class="gauge" aria-hidden="true"><i style=${{ left: `${100 * item.score}%` }}></i></div>
    <b>${scoreText(item.score)}</b>
  </div>`;
}

function Numbers({ numbers }) {
  if (!numbers?.length) return null;
  return html`<section class="panel" aria-label="Key numbers">
    <header><h2>${isOfSources.value ? "Source" : "Packet"}</h2></header>
    <dl class="numbers">${numbers.map(({ name, value, unit }) => html`<div key=${name}>
      <dt>${name}</dt><dd>${shortNumber(value)}${unit && html` <small>${unit}</small>`}</dd></div>`)}
    </dl></section>`;
}

export function Side() {
  const isGrid = mode.value === "grid" && !isOfSources.value;
  const item = isGrid ? focused.value : current.value;
  if (!item) {
    return html`<aside class="side"><p class="quiet nothing">No candidate at hand.</p></aside>`;
  }
  return html`<aside class="side" aria-label="Candidate">
    ${isGrid && html`<div class="detail">${PLANES.map((name, i) => html`<figure key=${name}>
      <${Thumb} item=${item} i=${i} size=${DETAIL_PX} /><figcaption>${name}</figcaption></figure>`)}
    </div>`}
    <${Names} item=${item} />
    ${isOfSources.value ? html`<${ClassTree} item=${item} />`
      : html`<${Score} item=${item} /><${LightCurve} item=${item} />`}
    <${Numbers} numbers=${item.numbers} />
  </aside>`;
}
