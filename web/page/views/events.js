// SPDX-License-Identifier: BSD-3-Clause
// Events of the store as several views show them.

import { address } from '../addresses.js';
import { h } from '../dom.js';
import { kindName, time } from '../format.js';

export const MARKS = [['seen', 'Seen'], ['false', 'False alarm'], ['closed', 'Closed'], ['new', 'New']];
export const stateName = (state) => (state === 'false' ? 'false alarm' : state);

export const pill = (word, text = word) => h('span', { class: `pill ${word}` }, text);

// At most so many addresses, and how many others there are.
export function hosts(list, most = 2, options = {}) {
  const named = list.filter((host) => host.ip);
  const others = named.slice(most).length + list.filter((host) => !host.ip).reduce((sum, host) => sum + (host.count || 0), 0);
  const unknown = list.some((host) => !host.ip && !host.count);
  const parts = named.slice(0, most).map((host) => h('div', {}, address(host.ip, options)));
  if (others > 0 || unknown) parts.push(h('div', { class: 'sub small' }, `${named.length > 0 ? 'and ' : ''}${others > 0 ? others : 'an unknown number'}${named.length > 0 ? ' others' : ' hosts'}`));
  return parts.length > 0 ? parts : [h('span', { class: 'soft' }, 'unknown')];
}

export const href = (row) => `#/alerts/${row.event.id}`;

// A line of a short list.
export function line(row, fresh = false) {
  return h('a', { class: fresh ? 'row fresh' : 'row', href: href(row), 'data-id': row.event.id },
    h('b', {}, row.text.title), pill(row.event.confidence),
    h('span', { class: 'small soft' }, `${row.text.source} → ${row.text.target}`), h('span', { class: 'small soft' }, time(row.event.begin).slice(5)));
}

export function kinds(row) {
  return kindName(row.event.kind);
}
