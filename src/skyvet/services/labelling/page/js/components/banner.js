/* Trouble, said plainly, and what happens to the labels meanwhile. */

import { retryNow } from "../actions.js";
import { isStorageSafe, nPending, refused, trouble } from "../outbox.js";
import { html } from "../html.js";
import { canLabel, current, queueState } from "../state.js";
import { sentence } from "./parts.js";

const SENTENCES = {
  away: "The labelling server does not answer.",
  store: "The label database is away.",
  "signed-out": "This session has ended. Open the page again with your link.",
  "no-account": "This session has ended. Open the page again with your link.",
  refused: "The server refuses requests.",
};

function countText(n) {
  if (!n) return "No label is waiting.";
  const where = isStorageSafe.value ? "kept safely in this browser" : "kept in this page only: do not close it";
  return `${n} label${n === 1 ? " is" : "s are"} ${where} and will be delivered when it is back.`;
}

function Refusals() {
  const rows = refused.value;
  return html`<div class="banner banner-bad" role="alert">
    <strong>${rows.length} label${rows.length === 1 ? " was" : "s were"} refused.</strong>
    <ul>${rows.slice(0, 5).map(({ event, reason }) => html`<li key=${event.event_key}>
      <span class="id">${event.key}</span> (${event.value ?? "undo"}): ${reason}</li>`)}</ul>
    <button type="button" class="button" onClick=${() => { refused.value = []; }}>
      Understood</button>
  </div>`;
}

/** What a person can do meanwhile. */
function goOnText() {
  if (current.value) return canLabel.value ? "You may go on." : "";
  return queueState.value === "finished" ? "" : "Candidates come when it is back.";
}

export function Banner() {
  const now = trouble.value;
  const hasReason = now?.kind === "store" || now?.kind === "refused";
  return html`<div class="banners">
    ${now && html`<div class="banner" role="alert">
      <strong>${SENTENCES[now.kind]}</strong>
      <span>${canLabel.value && countText(nPending.value)} ${goOnText()}</span>
      ${hasReason && html`<span class="banner-reason">${sentence(now.message)}</span>`}
      <button type="button" class="button" onClick=${retryNow}>Try now</button>
    </div>`}
    ${!isStorageSafe.value && !now && html`<div class="banner" role="alert">
      <strong>This browser stores nothing.</strong>
      <span>Labels that are not yet delivered are lost if the page is closed.</span></div>`}
    ${refused.value.length > 0 && html`<${Refusals} />`}
  </div>`;
}
