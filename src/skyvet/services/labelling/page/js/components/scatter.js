/* Points with errors by band on two axes, drawn as one path a band: thousands stay fast. */

import { html } from "../html.js";
import { ticks } from "./light_curve.js";

const PAD = { left: 46, right: 8, top: 10, bottom: 32 };

/** Range of numbers with room around; the outermost share of them is left out. */
export function rangeWithRoom(values, { cut = 0, room = 0.06 } = {}) {
  const sorted = [...values].filter(Number.isFinite).sort((a, b) => a - b);
  if (!sorted.length) return [0, 1];
  const last = sorted.length - 1;
  const [low, high] = [sorted[Math.floor(cut * last)], sorted[Math.ceil((1 - cut) * last)]];
  const margin = (high - low) * room || Math.abs(high) * 0.01 || 0.5;
  return [low - margin, high + margin];
}

/** Scales of a box: from numbers to places. */
export function scalesOf({ width, height, xRange, yRange, isDown }) {
  const [right, bottom] = [width - PAD.right, height - PAD.bottom];
  const atX = (x) => PAD.left + ((x - xRange[0]) / (xRange[1] - xRange[0])) * (right - PAD.left);
  const share = (y) => (y - yRange[0]) / (yRange[1] - yRange[0]);
  const atY = (y) => (isDown ? PAD.top + share(y) * (bottom - PAD.top)
    : bottom - share(y) * (bottom - PAD.top));
  return { atX, atY, left: PAD.left, right, top: PAD.top, bottom };
}

const plain = (value) => String(Number(value.toPrecision(7))).replace("-", "−");

/** Axes with round numbers; `xTicks` may be given as [place, words]. */
export function PlotAxes({ scales, xRange, yRange, xName, yName, xTicks }) {
  const { atX, atY, left, right, top, bottom } = scales;
  const xs = xTicks ?? ticks(xRange[0], xRange[1], 6).map((x) => [x, plain(x)]);
  const inside = ticks(Math.min(...yRange), Math.max(...yRange), 4);
  return html`<g class="axes">
    ${inside.map((y) => html`<g key=${y}><line class="rule" x1=${left} x2=${right} y1=${atY(y)}
      y2=${atY(y)} /><text x=${left - 5} y=${atY(y) + 3.5} text-anchor="end">${plain(y)}</text></g>`)}
    ${xs.map(([x, words]) => html`<g key=${x}><line class="tick" x1=${atX(x)} x2=${atX(x)}
      y1=${bottom} y2=${bottom + 4} /><text x=${atX(x)} y=${bottom + 15}
      text-anchor="middle">${words}</text></g>`)}
    <line class="tick" x1=${left} x2=${right} y1=${bottom} y2=${bottom} />
    <text class="axis-name" x=${(left + right) / 2} y=${bottom + 28} text-anchor="middle">${xName}</text>
    <text class="axis-name" x=${-(top + bottom) / 2} y="11" text-anchor="middle"
      transform="rotate(-90)">${yName}</text>
  </g>`;
}

function dots(series, atX, atY) {
  return series.x.map((x, i) => `M${atX(x).toFixed(1)} ${atY(series.y[i]).toFixed(1)}h0`).join("");
}

function bars(series, { atX, atY, top, bottom }) {
  const clamp = (place) => Math.min(bottom, Math.max(top, place)).toFixed(1);
  return series.x.map((x, i) => {
    const [y, error] = [series.y[i], series.error[i]];
    return `M${atX(x).toFixed(1)} ${clamp(atY(y - error))}V${clamp(atY(y + error))}`;
  }).join("");
}

/** Points of several bands: [{band, x, y, error}]. */
export function Points({ series, scales }) {
  const inside = series.map((one) => keepInside(one, scales));
  return html`${inside.map((one) => html`<g key=${one.band}
    class=${`dots band-${one.band}`}><path class="dot-errors" d=${bars(one, scales)} />
    <path class="dot-marks" d=${dots(one, scales.atX, scales.atY)} /></g>`)}`;
}

function keepInside(one, { atX, atY, left, right, top, bottom }) {
  const kept = one.x.map((x, i) => i).filter((i) => {
    const [x, y] = [atX(one.x[i]), atY(one.y[i])];
    return x >= left && x <= right && y >= top && y <= bottom;
  });
  const pick = (values) => kept.map((i) => values[i]);
  return { band: one.band, x: pick(one.x), y: pick(one.y), error: pick(one.error) };
}
