/* The page as a whole. */

import { startError, isHelpOpen, message, mode, session } from "../state.js";
import { html } from "../html.js";
import { Banner } from "./banner.js";
import { Grid } from "./grid.js";
import { Help } from "./help.js";
import { LabelBar } from "./label_bar.js";
import { Recent } from "./recent.js";
import { Side } from "./side.js";
import { TopBar } from "./top_bar.js";
import { Triplet } from "./triplet.js";
import { ViewBar } from "./view_bar.js";

const START_TITLES = {
  away: "Waiting for the labelling server",
  store: "Waiting for the database",
  "signed-out": "This link is not valid (any more)",
  refused: "The server refused to open this page",
};

function Start() {
  const trouble = startError.value;
  return html`<div class="start" role="status">
    <h1>${trouble ? START_TITLES[trouble.kind] : "Opening the labelling page …"}</h1>
    ${trouble && html`<p>${trouble.message}.</p>
      <p>${trouble.kind === "signed-out" ? "Open the page with the link that you were given."
        : "The page goes on by itself as soon as there is an answer; labels made before are kept."}</p>`}
  </div>`;
}

export function App() {
  if (!session.value) return html`<${Start} />`;
  const isGrid = mode.value === "grid";
  return html`
    <${TopBar} />
    <${Banner} />
    <main class=${isGrid ? "stage stage-grid" : "stage"}>
      <div class="look">
        ${isGrid ? html`<${Grid} />` : html`
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
