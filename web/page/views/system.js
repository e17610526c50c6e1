// SPDX-License-Identifier: BSD-3-Clause
// The deployment as a whole: versions, disk, what restarted and was reloaded.

import { get, post } from '../api.js';
import { card, empty, h, replace, table } from '../dom.js';
import { bytes, count, duration, percent, time } from '../format.js';
import * as live from '../live.js';
import { pill } from './events.js';

const term = (name, value) => (value === null || value === undefined || value === '' ? [] : [h('dt', {}, name), h('dd', {}, value)]);
const since = (t) => `${time(t)} (${duration(Date.now() / 1000 - t)} ago)`;

// What the supervisor says of itself, whatever that is.
function facts(info) {
  const value = (key, v) => (typeof v === 'number' && /start|time|since/.test(key) && v > 1e9 ? since(v) : typeof v === 'object' ? JSON.stringify(v) : String(v));
  return Object.entries(info).flatMap(([key, v]) => term(key === 'pid' ? 'PID' : key.replaceAll('_', ' ').replace(/^./, (c) => c.toUpperCase()), value(key, v)));
}

function modules(list) {
  const bad = [...list].sort((a, b) => b.restarts - a.restarts || (a.name < b.name ? -1 : 1));
  return table([['Module'], ['State'], ['Restarts', 'n'], ['CPU', 'n'], ['Memory', 'n'], ['Runs for', 'n']], bad.map((m) => h('tr', {},
    h('td', {}, h('a', { href: `#/pipeline/${encodeURIComponent(m.name)}` }, m.name)), h('td', {}, pill(m.state)), h('td', { class: 'n', 'data-k': 'restarts' }, m.restarts),
    h('td', { class: 'n', 'data-k': 'CPU' }, m.cpu !== undefined && m.cpu !== null ? percent(m.cpu) : '–'), h('td', { class: 'n', 'data-k': 'memory' }, m.memory ? bytes(m.memory) : '–'),
    h('td', { class: 'n', 'data-k': 'runs for' }, m.started ? duration(Date.now() / 1000 - m.started) : '–'))));
}

export async function show(root, route, signal) {
  const boxes = Object.fromEntries(['supervisor', 'page', 'data', 'events', 'modules'].map((name) => [name, h('div', { id: `system-${name}` })]));
  replace(root, h('div', { class: 'title' }, h('h1', { class: 'grow' }, 'System'), h('button', { type: 'button', id: 'logout', onclick: async () => {
    await post('logout', {}).catch(() => {});
    location.reload();
  } }, 'End this session')),
  h('div', { class: 'grid' }, card('w4', 'Supervisor', boxes.supervisor), card('w4', 'Data', boxes.data), card('w4', 'This page', boxes.page),
    card('w6', 'Modules', boxes.modules), card('w6', 'Starts, ends, reloads', boxes.events)));

  async function load() {
    const [system, stats] = await Promise.all([get('system', {}, signal), get('alerts/stats', {}, signal).catch((error) => ({ failed: error.message }))]);
    const { page, host, disk, addresses } = system;
    replace(boxes.supervisor, system.supervisor ? h('dl', {}, facts(system.supervisor)) : empty('The supervisor cannot be asked', system.unavailable && system.unavailable.error));
    replace(boxes.page, h('dl', {}, term('Version', page.version), term('Started', since(page.started)), term('Host', host && `${host.host}, ${host.system} ${host.release}`),
      term('Sessions', page.sessions), term('Browsers', page.browsers), term('Connections', `${page.connections}${page.evicted + page.slow > 0 ? `, closed: ${count(page.evicted)} too many, ${count(page.slow)} too slow` : ''}`),
      term('Countries and AS', addresses.geoip ? 'from a database' : 'no database (--geoip)'), term('Own networks', addresses.networks || 'none set (--networks)'), term('Names', addresses.resolver ? 'asked for' : 'not asked for (--resolver)')));
    replace(boxes.data, h('dl', {}, stats.failed ? term('Events', stats.failed) : [term('Events', count(stats.events)), term('Their database', bytes(stats.bytes))],
      disk ? [term('Flows', disk.path), term('Disk', `${bytes(disk.free)} of ${bytes(disk.bytes)} free`)] : term('Flows', 'there is no archive')));
    try {
      const answer = await get('events', { limit: 100 }, signal);
      const rows = answer.events.slice().reverse();
      replace(boxes.events, rows.length === 0 ? empty('Nothing yet') : table([['Time'], ['What'], ['']], rows.slice(0, 60).map((row) => h('tr', {}, h('td', { class: 'when' }, row.time ? time(row.time) : ''), h('td', {}, row.event || ''),
        h('td', {}, row.text || '')))));
    } catch (error) {
      if (!signal.aborted) replace(boxes.events, empty('They cannot be shown', error.message));
    }
  }

  function update(data) {
    replace(boxes.modules, data.pipeline ? modules(data.pipeline.modules) : empty('The supervisor cannot be asked', data.unavailable && data.unavailable.error));
  }
  if (live.state.status) update(live.state.status);
  live.listen('status', update, signal);
  const interval = setInterval(() => load().catch(() => {}), 10000);
  signal.addEventListener('abort', () => clearInterval(interval));
  await load();
}
