// SPDX-License-Identifier: BSD-3-Clause
// One event: what, who, why, its flows, and what else its hosts were in.

import { address, facts } from '../addresses.js';
import { get, post } from '../api.js';
import { timeChart, toSeries } from '../charts.js';
import { card, empty, h, replace, table } from '../dom.js';
import { bits, bytes, count, duration, kindName, port, protocol, seconds, time } from '../format.js';
import { MARKS, hosts, line, pill, stateName } from './events.js';

const term = (name, ...value) => (value.flat().every((v) => v === null || v === undefined || v === '') ? [] : [h('dt', {}, name), h('dd', {}, ...value)]);

function details(row) {
  const { event, text } = row;
  const length = Math.floor(seconds(event.end)) - Math.floor(seconds(event.begin)); // of the times as they are shown
  const amount = [['flows', event.flows], ['packets', event.packets]].filter(([, n]) => n).map(([what, n]) => `${count(n)} ${what}`);
  if (event.bytes) amount.push(bytes(event.bytes));
  return h('dl', {},
    term('When', `${time(event.begin)} to ${time(event.end)}`, h('div', { class: 'small soft' }, duration(length))),
    term('Source', hosts(event.sources, 8, { line: true })),
    term('Target', hosts(event.targets, 8, { line: true })),
    term('Direction', h('span', { id: 'direction' }, '–')),
    term('Protocol', event.protocol ? protocol(event.protocol) : null),
    term('Ports', event.ports.map(port).join(', ') + (event.ports.length === 16 ? ', …' : '')),
    term('Amount', amount.join(', ') || text.amount),
    term('Rate', event.rate && event.rate.mean_bytes ? `${bits(event.rate.mean_bytes * 8)} on average, at most ${bits((event.rate.peak_bytes || event.rate.mean_bytes) * 8)}` : null),
    term('Kind', `${kindName(event.kind)}${event.type ? `, ${event.type}` : ''}`),
    term('Confidence', pill(event.confidence), ' ', h('span', { class: 'small soft' }, event.confidence_reason || '')),
    term('Technique', event.attack.length > 0 ? `MITRE ATT&CK ${event.attack.join(', ')}` : null),
    term('Detector', event.detector, h('span', { class: 'small soft' }, ` ${event.alerts} alert${event.alerts === 1 ? '' : 's'}`)),
    term('State', h('span', { id: 'state' }, pill(event.state === 'new' ? 'new' : 'plain', stateName(event.state)))),
    term('Note', row.note || null),
    term('Id', h('span', { class: 'mono' }, event.id)));
}

async function direction(event, element) {
  const inside = async (list) => {
    const ips = list.filter((host) => host.ip && !host.ip.includes('/')).slice(0, 4);
    const known = await Promise.all(ips.map((host) => facts(host.ip)));
    return known.length === 0 ? null : known.some((about) => about.network);
  };
  const [from, to] = await Promise.all([inside(event.sources), inside(event.targets)]).catch(() => [null, null]);
  if (from === null || to === null) element.textContent = 'unknown';
  else element.textContent = from ? (to ? 'between own networks' : 'from inside to outside') : (to ? 'from outside to inside' : 'no own network (none is set, or none is part of it)');
}

function actions(row, changed) {
  const note = h('input', { type: 'text', 'aria-label': 'Note', placeholder: 'Note', maxlength: 1000, value: row.note || '' });
  const error = h('span', { class: 'small soft', role: 'status' });
  const mark = async (state) => {
    try {
      changed(await post(`alerts/${row.event.id}`, { state, note: note.value }));
    } catch (e) {
      error.textContent = e.message;
    }
  };
  return h('div', { class: 'actions' }, note, MARKS.map(([state, title]) => h('button', { type: 'button', class: state === 'seen' ? 'primary' : '', 'data-mark': state,
    disabled: row.event.state === state, onclick: () => mark(state) }, title)), error);
}

const named = (list) => list.filter((host) => host.ip && !host.ip.includes('/')).map((host) => host.ip);

async function flows(row, element, signal) {
  const { event } = row;
  const sources = named(event.sources);
  const targets = named(event.targets);
  const single = (ips, list) => (ips.length === 1 && list.length === 1 ? ips[0] : null);
  const host = single(sources, event.sources) || single(targets, event.targets);
  if (!host) {
    replace(element, empty('Flows are not searched for', 'The event names neither its only source nor its only target.'));
    return;
  }
  const other = host === single(sources, event.sources) ? single(targets, event.targets) : null;
  try {
    const answer = await get('flows', { host, with: other, port: event.ports.length === 1 ? event.ports[0] : null, since: Math.floor(seconds(event.begin)),
      until: Math.ceil(seconds(event.end)) + 1, limit: 100 }, signal);
    replace(element, flowTable(answer.rows));
  } catch (error) {
    if (!signal.aborted) replace(element, empty('No flows are shown', error.message));
  }
}

export function flowTable(rows) {
  if (rows.length === 0) return empty('No flows of it are in the archive');
  const end = (ip, p) => [address(ip, { about: false }), p ? h('span', { class: 'soft' }, `:${p}`) : null];
  return table([['Begin'], ['Source'], ['Destination'], ['Protocol'], ['Packets', 'n'], ['Bytes', 'n']], rows.map((f) => h('tr', {},
    h('td', { class: 'when' }, time(f.TIME_FIRST)), h('td', {}, end(f.SRC_IP, f.SRC_PORT)), h('td', {}, end(f.DST_IP, f.DST_PORT)), h('td', {}, protocol(f.PROTOCOL)),
    h('td', { class: 'n', 'data-k': 'packets' }, count((f.PACKETS || 0) + (f.PACKETS_REV || 0))), h('td', { class: 'n', 'data-k': 'bytes' }, bytes((f.BYTES || 0) + (f.BYTES_REV || 0))))));
}

async function related(row, chart, element, signal) {
  const ips = [...new Set([...named(row.event.sources).slice(0, 2), ...named(row.event.targets).slice(0, 2)])];
  const middle = seconds(row.event.begin);
  const range = { since: Math.floor(middle - 43200), until: Math.ceil(middle + 43200) };
  const step = 900;
  const found = new Map();
  try {
    for (const list of await Promise.all(ips.map((host) => get('alerts', { ...range, host, limit: 200 }, signal)))) {
      list.rows.forEach((other) => found.set(other.event.id, other));
    }
  } catch (error) {
    if (!signal.aborted) replace(element, empty('Other events cannot be shown', error.message));
    return;
  }
  const all = [...found.values()].sort((a, b) => (a.event.begin < b.event.begin ? 1 : -1));
  const others = all.filter((other) => other.event.id !== row.event.id);
  chart.update(range.since, range.until, toSeries(all.map((other) => ({ time: seconds(other.event.begin), name: kindName(other.event.kind) })), (r) => r.name, () => 1, { ...range, step }), step);
  replace(element, chart.element, others.length > 0 ? others.slice(0, 12).map((other) => line(other)) : empty('No other event of these hosts within half a day'));
}

export async function show(root, route, signal) {
  const row = await get(`alerts/${route.rest}`, {}, signal);
  const flowsBox = h('div', { id: 'flows' }, empty('Searching the archive'));
  const chart = timeChart({ type: 'bar', label: 'Events of the same hosts over time', show: (v) => (Number.isInteger(v) ? count(v) : ''), signal });
  const relatedBox = h('div', { class: 'list', id: 'related' }, chart.element);
  const facts_ = h('div', {});
  const bar = h('div', {});
  const draw = (r) => {
    replace(facts_, details(r));
    replace(bar, actions(r, draw));
    direction(r.event, facts_.querySelector('#direction'));
  };
  replace(root, h('div', { class: 'title' }, h('a', { href: '#/alerts', class: 'small' }, '← Alerts'), h('h1', { class: 'grow' }, row.text.title)),
    h('div', { class: 'grid' },
      h('section', { class: 'card w7' }, h('p', { class: 'reason' }, row.event.reason), facts_),
      h('div', { class: 'w5' }, h('section', { class: 'card' }, h('h2', {}, 'What do you think of it?'), bar), h('div', { class: 'gap' }),
        h('section', { class: 'card' }, h('h2', {}, 'The same hosts, half a day before and after'), relatedBox)),
      card('w12', 'Flows', flowsBox)));
  draw(row);
  await Promise.all([flows(row, flowsBox, signal), related(row, chart, relatedBox, signal)]);
}
