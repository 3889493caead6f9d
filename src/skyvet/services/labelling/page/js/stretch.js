/* Display stretches: limits of a plane's pixels, and the curve between black and white. */

export const LIMITS = [
  { kind: "zscale", title: "zscale" },
  { kind: "minmax", title: "min–max" },
  { kind: "percentile", title: "99 %" },
];

export const CURVES = [
  { kind: "linear", title: "linear" },
  { kind: "sqrt", title: "sqrt" },
  { kind: "asinh", title: "asinh" },
];

const N_SAMPLES = 1000;
const CONTRAST = 0.25;
const MAX_REJECT = 0.5;
const MIN_PIXELS = 5;
const N_SIGMA = 2.5;
const N_ROUNDS = 5;
const ASINH_KNEE = 0.1;
const FILL_VALUE = 1e30;

/** Finite pixels as float64, in their order; fill values beyond 1e30 count as missing. */
export function finitePixels(pixels) {
  const kept = new Float64Array(pixels.length);
  let n = 0;
  for (const value of pixels) {
    if (Math.abs(value) < FILL_VALUE) kept[n++] = value;
  }
  return kept.subarray(0, n);
}

/** Limits [low, high] of one plane or of several together; null without a finite pixel. */
export function limitsOf(planes, kind) {
  const values = finitePixels(planes.length === 1 ? planes[0] : joined(planes));
  if (!values.length) return null;
  const [low, high] = kind === "zscale" ? zscale(values)
    : percentileLimits(values, kind === "minmax" ? 0 : 0.5);
  return high > low ? [low, high] : [low - 0.5, low + 0.5];
}

function joined(planes) {
  const all = new Float32Array(planes.reduce((n, plane) => n + plane.length, 0));
  let start = 0;
  for (const plane of planes) {
    all.set(plane, start);
    start += plane.length;
  }
  return all;
}

/** Limits that leave out `percent` of the pixels on each side. */
function percentileLimits(values, percent) {
  const sorted = Float64Array.from(values).sort();
  const at = (fraction) => {
    const place = fraction * (sorted.length - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  };
  return [at(percent / 100), at(1 - percent / 100)];
}

/**
 * IRAF's zscale: a line through the sorted pixels, outliers clipped, steepened by the contrast.
 * `values` are finite; the result equals that of astropy's ZScaleInterval.
 */
export function zscale(values) {
  const stride = Math.max(1, Math.floor(values.length / N_SAMPLES));
  const samples = [];
  for (let i = 0; i < values.length && samples.length < N_SAMPLES; i += stride) {
    samples.push(values[i]);
  }
  const sorted = Float64Array.from(samples).sort();
  const n = sorted.length;
  const { slope, nGood } = clippedSlope(sorted);
  const low = sorted[0];
  const high = sorted[n - 1];
  if (nGood < minimumPixels(n)) return [low, high];
  const steep = slope / CONTRAST;
  const centre = Math.floor((n - 1) / 2);
  const middle = n % 2 ? sorted[(n - 1) / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
  return [
    Math.max(low, middle - (centre - 1) * steep),
    Math.min(high, middle + (n - centre) * steep),
  ];
}

function minimumPixels(n) {
  return Math.max(MIN_PIXELS, Math.floor(n * MAX_REJECT));
}

function clippedSlope(sorted) {
  const n = sorted.length;
  const width = Math.max(1, Math.floor(n * 0.01));
  let bad = new Uint8Array(n);
  let [slope, nGood, nBefore] = [0, n, n + 1];
  for (let round = 0; round < N_ROUNDS; round++) {
    if (nGood >= nBefore || nGood < minimumPixels(n)) break;
    const line = fitLine(sorted, bad);
    slope = line.slope;
    bad = grown(clipped(sorted, bad, line), width);
    nBefore = nGood;
    nGood = n - bad.reduce((sum, flag) => sum + flag, 0);
  }
  return { slope, nGood };
}

function fitLine(values, bad) {
  let [n, meanX, meanY, xx, xy] = [0, 0, 0, 0, 0];
  for (let x = 0; x < values.length; x++) {
    if (bad[x]) continue;
    n += 1;
    const [dx, dy] = [x - meanX, values[x] - meanY];
    meanX += dx / n;
    meanY += dy / n;
    xx += dx * (x - meanX);
    xy += dx * (values[x] - meanY);
  }
  const slope = xx > 0 ? xy / xx : 0;
  return { slope, offset: meanY - slope * meanX };
}

function clipped(values, bad, { slope, offset }) {
  let [n, sum, squares] = [0, 0, 0];
  const flat = values.map((value, x) => value - (slope * x + offset));
  flat.forEach((value, x) => { if (!bad[x]) { n += 1; sum += value; } });
  const mean = n ? sum / n : 0;
  flat.forEach((value, x) => { if (!bad[x]) squares += (value - mean) ** 2; });
  const threshold = N_SIGMA * Math.sqrt(n ? squares / n : 0);
  return bad.map((flag, x) => (flag || Math.abs(flat[x]) > threshold ? 1 : 0));
}

/** Each rejected sample takes its neighbours with it, `width` samples in all. */
function grown(bad, width) {
  const out = new Uint8Array(bad.length);
  const ahead = Math.floor((width - 1) / 2);
  for (let i = 0; i < bad.length; i++) {
    if (!bad[i]) continue;
    for (let k = 0; k < width; k++) {
      const j = i - ahead + k;
      if (j >= 0 && j < bad.length) out[j] = 1;
    }
  }
  return out;
}

/** Map a fraction in [0, 1] between the limits to a brightness in [0, 1]. */
export function curveOf(kind) {
  if (kind === "sqrt") return Math.sqrt;
  if (kind === "asinh") {
    const scale = Math.asinh(1 / ASINH_KNEE);
    return (x) => Math.asinh(x / ASINH_KNEE) / scale;
  }
  return (x) => x;
}
