/* A light curve folded with a period: two cycles, magnitudes brighter upwards. */

import { html } from "../html.js";
import { periodsOf } from "../source_actions.js";
import { stampsArrived, stampsOf } from "../stamps.js";
import { PlotAxes, Points, rangeWithRoom, scalesOf } from "./scatter.js";

const [WIDTH, HEIGHT] = [560, 250];
const CUT = 0.003;

/** Bands folded with a period over `nCycles` cycles. */
export function foldedSeries(bands, period, nCycles = 2) {
  const start = Math.min(...bands.flatMap(({ mjd }) => mjd.slice(0, 1)));
  return bands.map(({ band, mjd, magnitude, magnitude_err: error }) => {
    const phase = mjd.map((time) => ((time - start) / period) % 1);
    const cycles = Array.from({ length: nCycles }, (_, i) => i);
    return {
      band,
      x: cycles.flatMap((cycle) => phase.map((value) => value + cycle)),
      y: cycles.flatMap(() => magnitude),
      error: cycles.flatMap(() => error),
    };
  });
}

/** The folded light curve with axes. */
export function FoldPlot({ bands, period }) {
  const series = foldedSeries(bands, period);
  const ranges = {
    xRange: [0, 2], yRange: rangeWithRoom(series.flatMap(({ y }) => y), { cut: CUT }),
  };
  const scales = scalesOf({ width: WIDTH, height: HEIGHT, isDown: true, ...ranges });
  return html`<svg class="source-plot" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img"
      aria-label=${`Light curve folded with ${period} days`}>
    <${PlotAxes} scales=${scales} ...${ranges} xName="phase" yName="magnitude" />
    <${Points} series=${series} scales=${scales} />
  </svg>`;
}

/** The best fold of a source as a small picture. */
export function SmallFold({ item }) {
  stampsArrived.value;
  const source = stampsOf(item)?.source;
  const period = periodsOf(item)[0]?.period_d;
  if (!source || !period) return html`<span class="thumb is-waiting"></span>`;
  const series = foldedSeries(source.bands, period, 1);
  const yRange = rangeWithRoom(series.flatMap(({ y }) => y), { cut: CUT });
  const atX = (x) => 4 + 92 * x;
  const atY = (y) => 4 + (92 * (y - yRange[0])) / (yRange[1] - yRange[0]);
  const scales = { atX, atY, left: 0, right: 100, top: 0, bottom: 100 };
  return html`<svg class="thumb small-fold" viewBox="0 0 100 100" aria-hidden="true">
    <${Points} series=${series.map((one) => ({ ...one, error: one.error.map(() => 0) }))}
      scales=${scales} /></svg>`;
}
