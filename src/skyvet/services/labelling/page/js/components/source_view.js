/* A source: its light curve, the same folded, its periodogram, and the periods to choose from. */

import { useEffect, useState } from "../../vendor/preact-hooks.mjs";
import { noteShown } from "../actions.js";
import { classes, html } from "../html.js";
import { choosePeriod, chosenPeriod } from "../source_actions.js";
import { retryStamps, stampsArrived, stampsOf } from "../stamps.js";
import { current, queueState } from "../state.js";
import { FoldPlot } from "./fold_plot.js";
import { PlotAxes, Points, rangeWithRoom, scalesOf } from "./scatter.js";
import { Finished } from "./triplet.js";

const WIDE = { width: 1140, height: 200 };
const HALF = { width: 560, height: 250 };
const NARROW = window.matchMedia("(max-width: 900px)");
const N_PERIODS = 14;

function Raw({ bands }) {
  const series = bands.map(({ band, mjd, magnitude, magnitude_err: error }) => (
    { band, x: mjd, y: magnitude, error }));
  const ranges = {
    xRange: rangeWithRoom(series.flatMap(({ x }) => x), { room: 0.02 }),
    yRange: rangeWithRoom(series.flatMap(({ y }) => y), { cut: 0.003 }),
  };
  const size = NARROW.matches ? HALF : WIDE;
  const scales = scalesOf({ ...size, isDown: true, ...ranges });
  return html`<svg class="source-plot" viewBox=${`0 0 ${size.width} ${size.height}`} role="img"
      aria-label="Light curve">
    <${PlotAxes} scales=${scales} ...${ranges} xName="MJD" yName="magnitude" />
    <${Points} series=${series} scales=${scales} />
  </svg>`;
}

function decades([low, high]) {
  const found = [];
  for (let power = Math.ceil(low); power <= high; power++) found.push([power, `${10 ** power}`]);
  return found;
}

/** Power against the logarithm of frequency; a click folds with the highest peak nearby. */
function Periodogram({ source, period }) {
  const { frequency_per_d: frequency, power } = source;
  const logs = frequency.map(Math.log10);
  const ranges = {
    xRange: [logs[0], logs[logs.length - 1]], yRange: [0, 1.05 * Math.max(...power)],
  };
  const scales = scalesOf({ ...HALF, isDown: false, ...ranges });
  const line = logs.map((x, i) => `${scales.atX(x).toFixed(1)} ${scales.atY(power[i]).toFixed(1)}`);
  const onClick = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * HALF.width;
    const near = logs.map((x, i) => i).filter((i) => Math.abs(scales.atX(logs[i]) - place) < 6);
    if (!near.length) return;
    const best = near.reduce((a, b) => (power[b] > power[a] ? b : a));
    choosePeriod(1 / frequency[best]);
  };
  const mark = period && Math.log10(1 / period);
  return html`<svg class="source-plot periodogram" viewBox=${`0 0 ${HALF.width} ${HALF.height}`}
      role="img" aria-label="Periodogram" onClick=${onClick}>
    <${PlotAxes} scales=${scales} ...${ranges} xName="frequency [1/d]" yName="power"
      xTicks=${decades(ranges.xRange)} />
    ${mark >= ranges.xRange[0] && mark <= ranges.xRange[1] && html`<line class="now"
      x1=${scales.atX(mark)} x2=${scales.atX(mark)} y1=${scales.top} y2=${scales.bottom} />`}
    <path class="power" d=${`M${line.join("L")}`} />
  </svg>`;
}

function Periods({ source, period }) {
  const [text, setText] = useState("");
  const onKeyDown = (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    if (event.key === "Enter") choosePeriod(Number(text));
    setText("");
    event.target.blur();
  };
  const shown = source.periods.slice(0, N_PERIODS);
  return html`<div class="periods" role="group" aria-label="Periods">
    ${shown.map(({ name, period_d: days, note }) => html`<button type="button"
      key=${`${name} ${days}`} title=${note} onClick=${() => choosePeriod(days)}
      class=${classes("button small", days === period && "is-on")}>
      <span class="quiet">${name}</span> ${Number(days.toPrecision(6))} d</button>`)}
    <label class="period-own"><span>own [d]</span><input type="text" inputmode="decimal"
      autocomplete="off" aria-label="Period to fold with [d]" value=${text}
      placeholder=${period ? Number(period.toPrecision(7)) : ""}
      onInput=${(event) => setText(event.target.value)} onKeyDown=${onKeyDown} /></label>
  </div>`;
}

function Legend({ bands }) {
  return html`<ul class="legend">${bands.map(({ band, mjd, n_left_out: nLeft }) => html`
    <li key=${band}><svg viewBox="0 0 12 12" class=${`dots band-${band}`}><path class="dot-marks"
      d="M6 6h0" /></svg>${band}: ${mjd.length} epochs${nLeft > 0 && `, ${nLeft} not usable`}</li>`)}
  </ul>`;
}

function Empty({ title, children }) {
  return html`<div class="source-empty" role="status"><h2>${title}</h2>${children}</div>`;
}

function Measured({ source, item }) {
  const period = chosenPeriod(item);
  const bands = source.bands.filter(({ mjd }) => mjd.length);
  if (!bands.length) return html`<${Empty} title="No epoch can be used" />`;
  return html`<div id="source" class="source" data-key=${item.key}>
    <figure><${Raw} bands=${bands} /><figcaption><${Legend} bands=${source.bands} /></figcaption></figure>
    <div class="source-pair">
      <figure>${period ? html`<${FoldPlot} bands=${bands} period=${period} />`
        : html`<${Empty} title="No period was found" />`}</figure>
      <figure>${source.power.length ? html`<${Periodogram} source=${source} period=${period} />`
        : html`<${Empty} title="No periodogram" />`}</figure>
    </div>
    <${Periods} source=${source} period=${period} />
    ${source.remarks.length > 0 && html`<p class="quiet">${source.remarks.join(" · ")}</p>`}
  </div>`;
}

export function SourceView() {
  const item = current.value;
  stampsArrived.value;
  const found = item && stampsOf(item);
  useEffect(() => { if (found?.source) noteShown(item.key); }, [item, found]);
  if (!item) {
    if (queueState.value === "finished") return html`<${Finished} />`;
    return html`<${Empty} title="Fetching sources …" />`;
  }
  if (!found) return html`<${Empty} title="Measuring …" />`;
  if (found.error) {
    return html`<${Empty} title="The light curve did not come"><p>${found.error}.</p>
      <button type="button" class="button" onClick=${() => retryStamps(item)}>Try again</button><//>`;
  }
  return html`<${Measured} source=${found.source} item=${item} />`;
}
