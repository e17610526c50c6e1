// SPDX-License-Identifier: BSD-3-Clause
// One module of the pipeline: counters, log, last records of its outputs.

import { get } from '../api.js';
import { choice, empty, h, replace, table } from '../dom.js';
import { bytes, count, duration, percent, rate, time } from '../format.js';
import { pill } from './events.js';

function exit(last) {
  if (!last) return 'never';
  return `${time(last.time)}: ${last.signal !== undefined ? `killed by signal ${last.signal}` : last.status !== undefined ? `status ${last.status}` : 'not known how'}`;
}

export function facts(module) {
  const term = (name, value) => [h('dt', {}, name), h('dd', {}, value)];
  return h('dl', {}, term('State', pill(module.state)), term('Program', h('span', { class: 'mono' }, module.path || '–')),
    term('PID', module.pid || '–'), term('Runs for', module.started ? duration(Date.now() / 1000 - module.started) : '–'),
    term('CPU', module.cpu !== undefined && module.cpu !== null ? percent(module.cpu) : '–'), term('Memory', module.memory ? bytes(module.memory) : '–'),
    term('Restarts', module.restarts), term('Last end', exit(module.last_exit)));
}

export function counters(module) {
  const readers = (n) => (n === undefined ? '' : `${n} reader${n === 1 ? '' : 's'}`);
  const rows = [...(module.inputs || []).map((i) => ['in', i, i.connected === undefined ? '' : i.connected ? 'connected' : 'waiting']),
    ...(module.outputs || []).map((o) => ['out', o, [readers(o.clients), o.queued_bytes > 0 ? `${bytes(o.queued_bytes)} queued` : ''].filter(Boolean).join(', ')])];
  if (rows.length === 0) return empty('This module has no interfaces, or has not answered yet');
  return table([[''], ['Interface'], ['Messages', 'n'], ['Rate', 'n'], ['Dropped', 'n'], ['']], rows.map(([direction, ifc, state]) => h('tr', {},
    h('td', {}, direction), h('td', { class: 'mono' }, `${ifc.type} ${ifc.name || ''}`), h('td', { class: 'n', 'data-k': 'messages' }, count(ifc.messages)),
    h('td', { class: 'n', 'data-k': 'rate' }, rate(ifc.rate)), h('td', { class: 'n', 'data-k': 'dropped' }, count(ifc.dropped)), h('td', { class: 'soft' }, state))));
}

export function log(name, signal) {
  const box = h('div', { id: 'log' });
  let stream = 'stderr';
  const load = async () => {
    try {
      const answer = await get(`modules/${encodeURIComponent(name)}/log`, { lines: 200 }, signal);
      const { lines } = answer[stream];
      replace(box, lines.length > 0 ? h('pre', { tabindex: 0 }, lines.join('\n')) : empty('The log is empty'));
      if (lines.length > 0) box.firstChild.scrollTop = box.firstChild.scrollHeight;
    } catch (error) {
      if (!signal.aborted) replace(box, empty('The log cannot be shown', error.message));
    }
  };
  load();
  return [h('p', {}, choice('Stream', [['stderr', 'errors'], ['stdout', 'output']], stream, (value) => {
    stream = value;
    load();
  })), box];
}

export function records(module, signal) {
  const box = h('div', { id: 'records' });
  const outputs = module.outputs || [];
  if (outputs.length === 0) return empty('This module has no outputs');
  const load = async (index) => {
    replace(box, empty('Waiting for records: they are shown as they come in the next 3 seconds'));
    try {
      const rows = await get(`modules/${encodeURIComponent(module.name)}/tap`, { output: index, records: 20, seconds: 3 }, signal);
      if (rows.length === 0) {
        replace(box, empty('No record came within 3 seconds'));
        return;
      }
      const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
      const value = (v) => (v === undefined || v === null ? '' : typeof v === 'object' ? JSON.stringify(v) : String(v));
      replace(box, table(names.map((name) => [name]), rows.map((row) => h('tr', {}, names.map((name) => h('td', { class: 'mono record' }, value(row[name]))))), { stack: false }));
    } catch (error) {
      if (!signal.aborted) replace(box, empty('Records cannot be shown', error.message));
    }
  };
  return [h('p', {}, outputs.map((output, i) => h('button', { type: 'button', onclick: () => load(i) }, `Next records of ${output.name}`)).flatMap((b) => [b, ' '])), box];
}
