/* The labels of a source: with the ticked classes, with none, not known. */

import { label, skip, undo } from "../actions.js";
import { html } from "../html.js";
import { classesByTag, impliedTags, labelWithTicked } from "../source_actions.js";
import { canLabel, current, history, ticked } from "../state.js";
import { Comment, Confidence } from "./label_bar.js";
import { KeyButton } from "./parts.js";

/** What the label would say, in words. */
function tickedNames() {
  const [byTag, implied] = [classesByTag(), impliedTags()];
  return [...ticked.value].filter((tag) => !implied.has(tag))
    .map((tag) => byTag.get(tag)?.name ?? tag).join(", ");
}

export function SourceBar() {
  if (!canLabel.value) return null;
  const isDisabled = !current.value;
  const names = tickedNames();
  return html`<section class="label-bar" aria-label="Labels">
    <div class="label-row">
      <${KeyButton} kind="big real" keyHint="r" isDisabled=${isDisabled || !names}
        onClick=${labelWithTicked}><span class="label-words">${names || "Tick classes"}</span><//>
      <${KeyButton} kind="big bogus" keyHint="b" isDisabled=${isDisabled}
        onClick=${() => label("bogus")}>No class<//>
      <${KeyButton} kind="big unknown" keyHint="u" isDisabled=${isDisabled}
        onClick=${() => label("unknown")}>Unknown<//>
      <span class="gap"></span>
      <${KeyButton} kind="big" keyHint="s" isDisabled=${isDisabled} onClick=${skip}>Skip<//>
      <${KeyButton} kind="big" keyHint="z" isDisabled=${!history.value.length} onClick=${undo}>
        Undo<//>
    </div>
    <div class="label-row label-more"><${Confidence} /><${Comment} /></div>
  </section>`;
}
