// SPDX-License-Identifier: BSD-3-Clause
// One address: what it is, its traffic, its peers, and the events that it is in; without one, a choice of addresses.

import { address, follow } from '../addresses.js';
import { get } from '../api.js';
import { timeChart, toSeries } from '../charts.js';
import { card, choice, empty, h, replace, table } from '../dom.js';
import { bits, bytes, count, port, protocol, seconds } from '../format.js';
import { line } from './events.js';
import { flowTable } from './alert.js';

const SPANS = [[3600, '1 hour'], [86400, '1 day'], [604800, '7 days']];
const STEPS = { 3600: 60, 86400: 600, 604800: 3600 };
let chosen = 86400;

function search(root) {
  const field = h('input', { type: 'search', placeholder: 'Address', 'aria-label': 'Address', name: 'address' });
  return h('form', { class: 'filters', role: 'search', onsubmit: (event) => {
    event.preventDefault();
    if (field.value.trim()) location.hash = `#/hosts/${encodeURIComponent(field.value.trim())}`;
  } }, field, h('button', { class: 'primary' }, 'Show'));
}

// Whose events are newest, as attackers and as victims.
async function choose(root, signal) {
  const [sources, targets, top] = [h('div', {}), h('div', {}), h('div', {})];
  replace(root, h('div', { class: 'title' }, h('h1', { class: 'grow' }, 'Hosts')), search(root),
    h('div', { class: 'grid' }, card('w4', 'Attackers of the newest events', sources), card('w4', 'Their targets', targets), card('w4', 'Most traffic, last hour', top)));
  const sum = (rows, key) => {
    const hosts = new Map();
    rows.forEach((row) => row.event[key].forEach((host) => { if (host.ip && !host.ip.includes('/')) hosts.set(host.ip, (hosts.get(host.ip) || 0) + 1); }));
    return [...hosts].sort((a, b) => b[1] - a[1]).slice(0, 12);
  };
  const list = (pairs, show, none) => (pairs.length === 0 ? empty(none) : h('table', {}, h('tbody', {}, pairs.map(([ip, n]) => h('tr', {}, h('td', {}, address(ip)), h('td', { class: 'n soft' }, show(n)))))));
  await Promise.all([
    get('alerts', { limit: 200 }, signal).then(({ rows }) => {
      replace(sources, list(sum(rows, 'sources'), (n) => `${n} event${n === 1 ? '' : 's'}`, 'No events'));
      replace(targets, list(sum(rows, 'targets'), (n) => `${n} event${n === 1 ? '' : 's'}`, 'No events'));
    }).catch((error) => [sources, targets].forEach((box) => replace(box, empty('Alerts cannot be shown', error.message)))),
    get('traffic/top', { since: Math.floor(Date.now() / 1000) - 3600, until: Math.ceil(Date.now() / 1000), by: 'bytes', direction: 'both', limit: 12 }, signal)
      .then(({ rows }) => replace(top, list(rows.map((row) => [row.address, row.bytes]), bytes, 'No traffic in the last hour')))
      .catch((error) => replace(top, empty('No traffic is shown', error.message))),
  ]);
}

function about(ip, known) {
  const term = (name, value) => (value ? [h('dt', {}, name), h('dd', {}, value)] : []);
  return h('dl', {}, term('Address', ip), term('Name', known.name), term('Network', known.network ? h('span', { class: 'label' }, known.network) : null),
    term('Where', known.network ? 'inside' : 'outside of the own networks'), term('Country', known.country), term('AS', known.as ? `AS${known.as} ${known.as_name || ''}` : null));
}

export async function show(root, route, signal) {
  const ip = route.rest;
  if (!ip) {
    await choose(root, signal);
    return;
  }
  const boxes = Object.fromEntries(['about', 'attacker', 'victim', 'traffic', 'peers', 'ports', 'flows'].map((name) => [name, h('div', { id: name, class: 'list' })]));
  const chart = timeChart({ label: `Traffic of ${ip}`, show: bits, signal });
  const failed = (box, title) => (error) => { if (!signal.aborted) replace(box, empty(title, error.message)); };

  async function events() {
    const { rows } = await get('alerts', { host: ip, limit: 200 }, signal);
    const is = (list) => list.some((host) => host.ip === ip);
    const show_ = (box, list) => replace(box, list.length > 0 ? list.slice(0, 30).map((row) => line(row)) : empty('None'),
      list.length > 30 ? h('p', { class: 'more small' }, h('a', { href: `#/alerts?host=${encodeURIComponent(ip)}` }, `All ${list.length}`)) : null);
    show_(boxes.attacker, rows.filter((row) => is(row.event.sources)));
    show_(boxes.victim, rows.filter((row) => !is(row.event.sources) || is(row.event.targets)));
    return rows;
  }

  async function traffic(newest) {
    const now = Math.ceil(Date.now() / 1000);
    const end = newest && newest < now - chosen ? Math.ceil(newest / 60) * 60 + 60 : now;
    const range = { since: end - chosen, until: end };
    const step = STEPS[chosen];
    const answer = (await get(`hosts/${encodeURIComponent(ip)}`, { ...range, step }, signal)).rows[0] || {};
    const rows = answer.traffic || [];
    replace(boxes.traffic, rows.length > 0 ? chart.element : empty('No traffic in this period', 'Only the busiest hosts of each minute are counted.'));
    const directions = rows.flatMap((row) => [['in', row.in], ['out', row.out]].map(([name, sums]) => ({ time: row.time, name, bytes: sums.bytes })));
    if (rows.length > 0) chart.update(range.since, range.until, toSeries(directions, (row) => row.name, (row) => row.bytes * 8 / step, { ...range, step }), step);
    const list = (items, name) => (items && items.length > 0 ? table([['', ''], ['Flows', 'n'], ['Bytes', 'n']], items.slice(0, 15).map((item) => h('tr', {}, h('td', {}, name(item)),
      h('td', { class: 'n', 'data-k': 'flows' }, item.flows !== undefined ? count(item.flows) : ''), h('td', { class: 'n', 'data-k': 'bytes' }, item.bytes !== undefined ? bytes(item.bytes) : '')))) : empty('None in this period'));
    replace(boxes.peers, list(answer.peers, (peer) => address(peer.address)));
    replace(boxes.ports, list(answer.ports, (p) => `${port(p.port)}${p.protocol !== undefined ? ` ${protocol(p.protocol)}` : ''}`));
  }

  async function flows(newest) {
    const now = Math.ceil(Date.now() / 1000);
    const end = newest && newest < now - 86400 ? Math.ceil(newest) + 1 : now;
    const { rows } = await get('flows', { host: ip, since: end - chosen, until: end + 60, limit: 50 }, signal);
    replace(boxes.flows, flowTable(rows));
  }

  async function load() {
    const rows = await events().catch((error) => {
      failed(boxes.attacker, 'Alerts cannot be shown')(error);
      failed(boxes.victim, 'Alerts cannot be shown')(error);
      return [];
    });
    const newest = rows.length > 0 ? Math.max(...rows.map((row) => seconds(row.event.end))) : null;
    await Promise.all([traffic(newest).catch((error) => {
      failed(boxes.traffic, 'No traffic is shown')(error);
      replace(boxes.peers, empty('Not known'));
      replace(boxes.ports, empty('Not known'));
    }), flows(newest).catch(failed(boxes.flows, 'No flows are shown'))]);
  }

  replace(root, h('div', { class: 'title' }, h('a', { href: '#/hosts', class: 'small' }, '← Hosts'), h('h1', { class: 'grow' }, ip), choice('Period', SPANS, chosen, (span) => {
    chosen = span;
    load();
  })),
  h('div', { class: 'grid' }, card('w4', 'What is known', boxes.about), card('w8', 'Traffic', boxes.traffic),
    card('w6', 'As attacker', boxes.attacker), card('w6', 'As target', boxes.victim),
    card('w6', 'Peers', boxes.peers), card('w6', 'Ports', boxes.ports), card('w12', 'Flows', boxes.flows)));
  follow(ip, (known) => replace(boxes.about, about(ip, known)), signal).catch(failed(boxes.about, 'Nothing is known'));
  await load();
}
