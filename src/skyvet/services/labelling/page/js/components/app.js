/* The page as a whole. */

import {
  canLabel, startError, isHelpOpen, isOfSources, message, mode, session,
} from "../state.js";
import { classes, html } from "../html.js";
import { Banner } from "./banner.js";
import { Grid } from "./grid.js";
import { Help } from "./help.js";
import { LabelBar } from "./label_bar.js";
import { sentence } from "./parts.js";
import { Recent } from "./recent.js";
import { Side } from "./side.js";
import { SourceBar } from "./source_bar.js";
import { SourceView } from "./source_view.js";
import { TopBar } from "./top_bar.js";
import { Triplet } from "./triplet.js";
import { ViewBar } from "./view_bar.js";

const START_TITLES = {
  away: "Waiting for the labelling server",
  store: "Waiting for the database",
  "signed-out": "This link is not valid (any more)",
  "no-account": "This page needs an account",
  refused: "The server refused to open this page",
};
const ADVICE = {
  "signed-out": "Ask for a new one; labels that this browser keeps are delivered then.",
  "no-account": "Open it with the link that you were given.",
};

/** Why it does not start, and what to do; each once. */
function Reason({ trouble }) {
  const advice = ADVICE[trouble.kind];
  return html`${!advice && html`<p>${sentence(trouble.message)}</p>`}
    <p>${advice ?? "The page goes on by itself as soon as there is an answer; labels made before are kept."}</p>`;
}

function Start() {
  const trouble = startError.value;
  return html`<div class="start" role="status">
    <h1>${trouble ? START_TITLES[trouble.kind] : "Opening the labelling page …"}</h1>
    ${trouble && html`<${Reason} trouble=${trouble} />`}
  </div>`;
}

export function App() {
  if (!session.value) return html`<${Start} />`;
  const isGrid = mode.value === "grid" && !isOfSources.value;
  const isReading = !isGrid && !canLabel.value;
  return html`
    <${TopBar} />
    <${Banner} />
    <main class=${classes("stage", isGrid && "stage-grid", isReading && "stage-read")}>
      <div class="look">
        ${isOfSources.value ? html`<${SourceView} /><${SourceBar} /><${Recent} />`
        : isGrid ? html`<${Grid} />` : html`
          <${Triplet} />
          <${ViewBar} />
          <${LabelBar} />
          <${Recent} />`}
      </div>
      <${Side} />
    </main>
    <p class="hidden-status" role="status" aria-live="polite">${message.value}</p>
    ${isHelpOpen.value && html`<${Help} />`}`;
}
