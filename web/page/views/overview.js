// SPDX-License-Identifier: BSD-3-Clause
// What goes on: traffic, alerts, the busiest hosts, and what nobody has looked at yet.

import { address } from '../addresses.js';
import { get } from '../api.js';
import { timeChart, toSeries } from '../charts.js';
import { card, choice, empty, h, replace } from '../dom.js';
import { bits, bytes, count, kindName, protocol, rate, seconds, time } from '../format.js';
import * as live from '../live.js';
import { line } from './events.js';

const SPANS = [[3600, '1 hour'], [21600, '6 hours'], [86400, '1 day'], [604800, '7 days']];
const STEPS = { 3600: 60, 21600: 300, 86400: 1200, 604800: 7200 };
const TRAFFIC_STEPS = { 3600: 60, 21600: 300, 86400: 900, 604800: 3600 };
let chosen = 3600;

function tile(text, kind = '') {
  const value = h('b', {}, '–');
  return { element: h('section', { class: `card tile w3 ${kind}` }, value, h('span', {}, text)), set: (v) => { value.textContent = v; } };
}

// A replayed capture has its own time: the period ends with its newest event then.
async function period(span, signal) {
  const now = Math.floor(Date.now() / 1000);
  const [newest] = await get('alerts', { limit: 1 }, signal).then((a) => a.rows).catch(() => []);
  const end = newest ? seconds(newest.event.end) : now;
  if (end >= now - span) return { since: now - span, until: now, past: false };
  const until = Math.ceil(end / 60) * 60 + 60;
  return { since: until - span, until, past: true };
}

export async function show(root, route, signal) {
  const note = h('span', { class: 'soft small grow' });
  const tiles = { open: tile('open alerts in this period', 'bad'), traffic: tile('traffic, mean of the last step'), flows: tile('messages between modules'), modules: tile('modules ready') };
  const traffic = timeChart({ label: 'Traffic over time by protocol', show: bits, tall: true, signal });
  const alerts = timeChart({ type: 'bar', label: 'Alerts over time by kind', show: (v) => (Number.isInteger(v) ? count(v) : ''), tall: true, signal });
  const trafficBox = h('div', { id: 'traffic' }, traffic.element);
  const alertsBox = h('div', { id: 'alerts-over-time' }, alerts.element);
  const talkers = h('div', { id: 'talkers' });
  const open = h('div', { class: 'list', id: 'open' });
  let seen = new Set(); // those that are shown

  async function part(element, good, title, load) {
    try {
      const content = await load();
      if (!signal.aborted) replace(element, content || good);
    } catch (error) {
      if (!signal.aborted) replace(element, empty(title, error.message));
    }
  }

  async function load() {
    const span = chosen;
    const { since, until, past } = await period(span, signal);
    if (signal.aborted || span !== chosen) return;
    note.textContent = past ? `The newest event is old: this is the time before ${time(until)}.` : '';
    const range = { since, until };
    await Promise.all([
      part(trafficBox, traffic.element, 'No traffic is shown', async () => {
        const step = TRAFFIC_STEPS[span];
        const { rows } = await get('traffic', { ...range, step }, signal);
        const points = rows.map((row) => ({ ...row, time: typeof row.time === 'string' ? seconds(row.time) : row.time }));
        const lastTime = Math.max(...points.map((row) => row.time));
        tiles.traffic.set(points.length ? bits(points.filter((row) => row.time === lastTime).reduce((sum, row) => sum + row.bytes, 0) * 8 / step) : '–');
        if (points.length === 0) return empty('No traffic in this period', 'traffic_stats has counted nothing.');
        traffic.update(since, until, toSeries(points, (row) => protocol(row.protocol), (row) => row.bytes * 8 / step, { since, until, step }), step);
        return null;
      }),
      part(alertsBox, alerts.element, 'No alerts are shown', async () => {
        const step = STEPS[span];
        const { rows } = await get('alerts/count', { ...range, step, by: 'kind' }, signal);
        if (rows.length === 0) return empty('No alerts in this period');
        alerts.update(since, until, toSeries(rows, (row) => kindName(row.name), (row) => row.events, { since, until, step, most: 7 }), step);
        return null;
      }),
      part(open, null, 'Open alerts cannot be shown', async () => {
        const [answer, counts] = await Promise.all([get('alerts', { ...range, state: 'new', limit: 5 }, signal),
          get('alerts/count', { ...range, state: 'new', by: 'state', step: 31536000 }, signal)]);
        tiles.open.set(count(counts.rows.reduce((sum, row) => sum + row.events, 0)));
        const first = seen.size === 0;
        const lines = answer.rows.map((row) => line(row, !first && !seen.has(row.event.id)));
        seen = new Set(answer.rows.map((row) => row.event.id));
        return lines.length > 0 ? [...lines, h('p', { class: 'more small' }, h('a', { href: '#/alerts?state=new' }, 'All open alerts'))]
          : empty('Nothing is open', 'All alerts of this period were looked at, or there are none.');
      }),
      part(talkers, null, 'No top talkers are shown', async () => {
        const { rows } = await get('traffic/top', { ...range, by: 'bytes', direction: 'both', limit: 6 }, signal);
        const most = rows.length > 0 ? rows[0].bytes : 0;
        return rows.length === 0 ? empty('No traffic in this period') : h('table', {}, h('tbody', {}, rows.map((row) => h('tr', {},
          h('td', {}, address(row.address), h('div', { class: 'bar' }, bar(row.bytes / most))),
          h('td', { class: 'n' }, bytes(row.bytes), h('div', { class: 'sub' }, `${count(row.flows)} flows`))))));
      }),
    ]);
  }

  function bar(part_) {
    const element = h('i');
    element.style.width = `${Math.round(100 * part_)}%`;
    return element;
  }

  function status(data) {
    const modules = data.pipeline ? data.pipeline.modules : null;
    tiles.modules.set(modules ? `${modules.filter((m) => m.state === 'ready' || m.state === 'running').length} of ${modules.filter((m) => m.enabled !== false).length}` : '–');
    const edges = data.pipeline ? data.pipeline.edges || [] : [];
    tiles.flows.set(edges.length > 0 ? rate(edges.reduce((sum, edge) => sum + (edge.rate || 0), 0)) : '–');
  }

  replace(root,
    h('div', { class: 'title' }, h('h1', {}, 'Overview'), note, choice('Period', SPANS, chosen, (span) => {
      chosen = span;
      load();
    })),
    h('div', { class: 'grid' }, tiles.open.element, tiles.traffic.element, tiles.flows.element, tiles.modules.element,
      card('w8', 'Traffic by protocol', trafficBox), card('w4', 'Top talkers', talkers),
      card('w8', 'Alerts by kind', alertsBox), card('w4', 'Open alerts', open)));
  if (live.state.status) status(live.state.status);
  live.listen('status', status, signal);
  let timer = null;
  const soon = (ms) => {
    timer = timer || setTimeout(() => {
      timer = null;
      if (!signal.aborted) load();
    }, ms);
  };
  live.listen('alert', () => soon(1500), signal);
  const interval = setInterval(() => soon(0), 15000);
  signal.addEventListener('abort', () => {
    clearInterval(interval);
    clearTimeout(timer);
  });
  await load();
}
