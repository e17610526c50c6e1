// SPDX-License-Identifier: BSD-3-Clause
// Charts over time, drawn by Chart.js (a global of its own script).

import { h } from './dom.js';
import { clock } from './format.js';

const COLORS = ['--c0', '--c1', '--c2', '--c4', '--c5', '--bad', '--c3'];
const charts = new Set();
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// At most seven ticks, at round times of the day.
const STEPS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000];
function ticks(scale) {
  const step = STEPS.find((s) => (scale.max - scale.min) / s <= 7) || STEPS.at(-1);
  const offset = new Date(scale.min * 1000).getTimezoneOffset() * 60;
  scale.ticks = [];
  for (let t = Math.ceil((scale.min - offset) / step) * step + offset; t <= scale.max; t += step) scale.ticks.push({ value: t });
}

// Colours are set before Chart.js looks at the options, which it keeps.
function paintOptions({ scales, plugins }) {
  for (const scale of Object.values(scales)) {
    scale.grid.color = color('--line');
    scale.grid.borderColor = color('--line');
    scale.ticks.color = color('--soft');
  }
  plugins.legend.labels.color = color('--fg');
}
const paint = (datasets, type) => datasets.map((set, i) => {
  const base = color(COLORS[i % COLORS.length]);
  return { ...set, backgroundColor: type === 'bar' ? base : `${base}40`, borderColor: base, hoverBackgroundColor: type === 'bar' ? base : `${base}40` };
});

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => charts.forEach((chart) => {
  paintOptions(chart.options);
  chart.data.datasets = paint(chart.data.datasets, chart.config.type);
  chart.update('none');
}));

// Series over time, one above the other. show: how a value is written. label: what is shown, for those who do not see it
export function timeChart({ type = 'line', label, show, tall = false, signal }) {
  const canvas = h('canvas', { role: 'img', 'aria-label': label });
  const box = h('div', { class: tall ? 'chart tall' : 'chart' }, canvas);
  let span = 3600;
  let chart = null;
  const options = {
    responsive: true, maintainAspectRatio: false, animation: false, normalized: true, interaction: { mode: 'index', intersect: false },
    scales: {
      x: { type: 'linear', grid: { display: false }, ticks: { maxRotation: 0, autoSkip: false, callback: (value) => clock(value, span) }, afterBuildTicks: ticks, offset: false, stacked: true },
      y: { beginAtZero: true, stacked: true, grid: {}, ticks: { maxTicksLimit: 5, callback: (value) => show(value) } },
    },
    plugins: {
      legend: { position: 'bottom', align: 'start', labels: { boxWidth: 10, boxHeight: 10, padding: 12 } },
      tooltip: { callbacks: { title: (items) => clock(items[0].parsed.x, Math.min(span, 600)), label: (item) => ` ${item.dataset.label}: ${show(item.parsed.y)}` },
        filter: (item) => item.parsed.y > 0, itemSort: (a, b) => b.parsed.y - a.parsed.y },
    },
  };
  if (signal) {
    signal.addEventListener('abort', () => {
      charts.delete(chart);
      if (chart) chart.destroy();
    });
  }
  // series: [[name, [[seconds, value], ...]], ...]
  function update(since, until, series, step) {
    span = until - since;
    const datasets = series.map(([name, points], i) => ({ label: name, data: points.map(([x, y]) => ({ x, y })), fill: i === 0 ? 'origin' : '-1', borderWidth: type === 'bar' ? 0 : 1.5,
      pointRadius: points.length < 3 && type === 'line' ? 2 : 0, tension: 0, ...(type === 'bar' ? { barThickness: 'flex', maxBarThickness: 26, barPercentage: 0.92, categoryPercentage: 1 } : {}) }));
    options.scales.x.min = since - (type === 'bar' ? step / 2 : 0);
    options.scales.x.max = until;
    options.plugins.legend.display = datasets.length > 1;
    paintOptions(options);
    if (chart) {
      chart.options = options;
      chart.data.datasets = paint(datasets, type);
      chart.update('none');
    } else {
      chart = new globalThis.Chart(canvas, { type, data: { datasets: paint(datasets, type) }, options });
      charts.add(chart);
    }
  }
  return { element: box, update };
}

// Rows {time, NAME, VALUE} to series: the largest first, at most so many, the rest together. Steps without a row are 0.
export function toSeries(rows, name, value, { since, until, step, most = 6 }) {
  const sums = new Map();
  for (const row of rows) sums.set(name(row), (sums.get(name(row)) || 0) + value(row));
  const names = [...sums.keys()].sort((a, b) => sums.get(b) - sums.get(a));
  const kept = new Set(names.slice(0, names.length > most ? most - 1 : most));
  const first = Math.floor(since / step) * step;
  const n = Math.max(1, Math.ceil((until - first) / step));
  const all = new Map([...kept, ...(names.length > kept.size ? ['other'] : [])].map((key) => [key, new Array(n).fill(0)]));
  for (const row of rows) {
    const i = Math.floor((row.time - first) / step);
    const key = kept.has(name(row)) ? name(row) : 'other';
    if (i >= 0 && i < n) all.get(key)[i] += value(row);
  }
  return [...all].map(([key, values]) => [key, values.map((v, i) => [first + i * step, v])]);
}
