/* The bar atop: which queue, how far, how fast, and whether labels arrive. */

import { chooseMode, chooseQueue, chooseStrategy } from "../actions.js";
import { following } from "../keys.js";
import { nPending, trouble } from "../outbox.js";
import { classes, html } from "../html.js";
import {
  canLabel, isHelpOpen, isOfSources, mode, nLeft, ownPace, progress, queueKind, round, session, strategy, theme,
} from "../state.js";
import { Key, KeyButton } from "./parts.js";

const THEMES = [
  { kind: "auto", title: "Auto" }, { kind: "light", title: "Light" }, { kind: "dark", title: "Dark" },
];

function Queues() {
  const { strategies } = session.value;
  const isAudit = queueKind.value === "audit";
  const nSuspects = progress.value?.n_suspects ?? 0;
  return html`<div class="queues">
    ${!isOfSources.value && html`<div class="choice" role="group" aria-label="Queue">
      <button type="button" class=${isAudit ? "" : "is-on"} aria-pressed=${String(!isAudit)}
        onClick=${() => chooseQueue("strategy")}>Queue</button>
      <button type="button" class=${isAudit ? "is-on" : ""} aria-pressed=${String(isAudit)}
        title="Labels that look wrong" onClick=${() => chooseQueue("audit")}>Audit${nSuspects > 0 && html` <b>${nSuspects}</b>`}
        <${Key} name="a" /></button>
    </div>`}
    ${!isAudit && strategies?.length > 1 && html`<select aria-label="Query strategy"
      value=${strategy.value ?? ""} onChange=${(e) => chooseStrategy(e.target.value)}>
      ${strategies.map(({ kind, title }) => html`<option key=${kind} value=${kind}>${title}</option>`)}
    </select>`}
    ${!isAudit && strategies?.length === 1 && html`<span class="quiet">${strategies[0].title}</span>`}
    ${round.value !== null && html`<span class="round" title="Rounds of training so far">Round ${round.value}${progress.value?.is_refitting && " · learning"}</span>`}
  </div>`;
}

/** How many labels of whom, where a candidate may have several. */
function labelsText(now, mine) {
  const { n_labels_wanted: wanted } = session.value;
  const each = wanted > 1 ? `; ${now.n_done} have the ${wanted} labels wanted` : "";
  const labels = `${now.n_labelled} label${now.n_labelled === 1 ? "" : "s"}`;
  return `${labels} in all, ${mine} of them yours; ${now.n_begun} candidates have one${each}`;
}

function Progress() {
  const now = progress.value;
  if (!now) return html`<div class="progress"></div>`;
  const total = now.n_total ?? session.value.dataset.n_candidates;
  const mine = now.n_by_labeller?.[session.value.labeller] ?? 0;
  const share = total ? (100 * now.n_done) / total : 0;
  const toNext = now.n_labels_to_next_round;
  const isShared = session.value.n_labels_wanted > 1;
  return html`<div class="progress" title=${labelsText(now, mine)}>
    <div class="meter" role="progressbar" aria-label="Done" aria-valuemin="0"
      aria-valuemax=${total} aria-valuenow=${now.n_done}>${share > 0 && html`<i style=${{ width: `${share}%` }}></i>`}</div>
    <span><b>${now.n_done.toLocaleString("en")}</b> of ${total.toLocaleString("en")}${isShared && " done"}</span>
    ${canLabel.value && html`<span title="Your labels of the last five minutes">
      <b>${Math.round(ownPace())}</b> a minute</span>`}
    ${nLeft.value !== null && html`<span class="wide-only"><b>${nLeft.value.toLocaleString("en")}</b> ${isShared && canLabel.value && queueKind.value !== "audit" ? "left for you" : "in the queue"}</span>`}
    ${toNext > 0 && html`<span class="wide-only"><b>${toNext}</b> to the next round</span>`}
  </div>`;
}

function Delivery() {
  if (!canLabel.value) return html`<span class="delivery is-quiet">Read only</span>`;
  const n = nPending.value;
  const isBad = Boolean(trouble.value);
  const words = n ? `${n} waiting` : isBad ? "Not connected" : "All saved";
  return html`<span id="delivery" class=${classes("delivery", isBad && "is-bad", n > 0 && "is-busy")}>
    ${words}</span>`;
}

export function TopBar() {
  const { dataset, labeller } = session.value;
  const themeTitle = THEMES.find(({ kind }) => kind === theme.value).title;
  return html`<header class="top">
    <h1 class="brand" title=${dataset.name}><img src="/assets/icon.svg" alt="" /><span>${dataset.name}</span></h1>
    <${Queues} />
    <${Progress} />
    <div class="tools">
      <${Delivery} />
      <span class="who wide-only" title="Labels are kept under this name">${labeller}</span>
      ${!isOfSources.value && html`<${KeyButton} kind="small" keyHint="g"
        isOn=${mode.value === "grid"}
        onClick=${() => chooseMode(mode.value === "grid" ? "single" : "grid")}>Grid<//>`}
      <${KeyButton} kind="small" keyHint="t" title="Theme"
        onClick=${() => { theme.value = following(THEMES, theme.value); }}><span aria-hidden="true">◐</span> ${themeTitle}<//>
      <${KeyButton} kind="small" keyHint="?" title="Keys" onClick=${() => { isHelpOpen.value = true; }}>Help<//>
    </div>
  </header>`;
}
