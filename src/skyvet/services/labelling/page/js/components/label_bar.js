/* The labels, one button and one key each. */

import { flip, keep, label, skip, stepConfidence, undo } from "../actions.js";
import { html } from "../html.js";
import { spaced } from "../keys.js";
import {
  canLabel, comment, confidence, current, history, queueKind, subclasses,
} from "../state.js";
import { Key, KeyButton } from "./parts.js";

const VALUES = [["real", "Real", "r"], ["bogus", "Bogus", "b"], ["unknown", "Unknown", "u"]];

/** On the audit queue K and F keep and flip. */
function hintOf({ key }) {
  return queueKind.value === "audit" && (key === "k" || key === "f") ? "" : key;
}

function Subclasses({ value }) {
  const kinds = subclasses.value.filter((kind) => kind.label === value);
  if (!kinds.length) return null;
  return html`<div class="subclass-group" role="group"
    aria-label=${`Sub-classes of ${value}`}>
    ${kinds.map((kind) => html`<${KeyButton} key=${kind.name} kind=${`small sub-${value}`}
      keyHint=${hintOf(kind)} title=${kind.meaning} isDisabled=${!current.value}
      onClick=${() => label(kind.label, kind.name)}>${spaced(kind.name)}<//>`)}
  </div>`;
}

export function Confidence() {
  const now = confidence.value;
  const isDisabled = !current.value;
  return html`<div class="choice" role="group" aria-label="Confidence">
    <span class="choice-name">Confidence</span>
    <button type="button" aria-label="Less confident" disabled=${isDisabled}
      onClick=${() => stepConfidence(-1)}><kbd>[</kbd></button>
    <span id="confidence" class="choice-value">${now === null ? "not given" : `${now} %`}</span>
    <button type="button" aria-label="More confident" disabled=${isDisabled}
      onClick=${() => stepConfidence(1)}><kbd>]</kbd></button>
  </div>`;
}

export function Comment() {
  const onKeyDown = (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.target.blur();
  };
  return html`<label class="comment"><span>Comment<${Key} name="c" /></span>
    <input id="comment" type="text" maxlength="500" autocomplete="off" value=${comment.value}
      placeholder="goes with the next label" disabled=${!current.value}
      onInput=${(e) => { comment.value = e.target.value; }} onKeyDown=${onKeyDown} /></label>`;
}

function Audit() {
  const item = current.value;
  if (queueKind.value !== "audit" || !item?.given_label) return null;
  const share = item.suspicion === null || item.suspicion === undefined ? ""
    : ` · suspicion ${Math.round(100 * item.suspicion)} %`;
  return html`<div class="audit">
    <p>Labelled <b class=${`word-${item.given_label}`}>${item.given_label}</b>${
      item.given_by ? ` by ${item.given_by}` : ""}${share}</p>
    <${KeyButton} keyHint="k" kind="big" onClick=${keep}>Keep<//>
    <${KeyButton} keyHint="f" kind="big" onClick=${flip}>
      Flip to ${item.given_label === "real" ? "bogus" : "real"}<//>
  </div>`;
}

export function LabelBar() {
  if (!canLabel.value) return null;
  const isDisabled = !current.value;
  return html`<section class="label-bar" aria-label="Labels">
    <${Audit} />
    <div class="label-row">
      ${VALUES.map(([value, title, key]) => html`<${KeyButton} key=${value} kind=${`big ${value}`}
        keyHint=${key} isDisabled=${isDisabled} onClick=${() => label(value)}>${title}<//>`)}
      <span class="gap"></span>
      <${KeyButton} kind="big" keyHint="s" isDisabled=${isDisabled} onClick=${skip}>Skip<//>
      <${KeyButton} kind="big" keyHint="z" isDisabled=${!history.value.length} onClick=${undo}>
        Undo<//>
    </div>
    <div class="subclasses"><${Subclasses} value="real" /><${Subclasses} value="bogus" /></div>
    <div class="label-row label-more"><${Confidence} /><${Comment} /></div>
  </section>`;
}
