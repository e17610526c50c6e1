// SPDX-License-Identifier: BSD-3-Clause
// Events of the store: filtered and sorted by the store, page after page.

import { get } from '../api.js';
import { empty, h, replace, select, table } from '../dom.js';
import { KINDS, count, kindName, time } from '../format.js';
import * as live from '../live.js';
import { MARKS, hosts, href, pill, stateName } from './events.js';

const PAGE = 50;
const PERIODS = [['', 'any time'], ['3600', 'last hour'], ['86400', 'last day'], ['604800', 'last 7 days'], ['2592000', 'last 30 days']];

function rowOf(row) {
  const open = () => { location.hash = href(row); };
  return h('tr', { class: 'link', 'data-id': row.event.id, onclick: (event) => { if (!event.target.closest('a') && !getSelection().toString()) open(); } },
    h('td', { class: 'when' }, time(row.event.begin)),
    h('td', {}, h('a', { href: href(row) }, row.text.title), h('div', { class: 'sub' }, row.text.amount)),
    h('td', {}, hosts(row.event.sources, 2)),
    h('td', {}, hosts(row.event.targets, 2)),
    h('td', { class: 'n', 'data-k': 'flows' }, row.event.flows ? count(row.event.flows) : ''),
    h('td', {}, pill(row.event.confidence)),
    h('td', {}, pill(row.event.state === 'new' ? 'new' : 'plain', stateName(row.event.state))));
}

export async function show(root, route, signal) {
  const filter = Object.fromEntries(['period', 'host', 'kind', 'confidence', 'state', 'detector'].map((key) => [key, route.query.get(key) || '']));
  let rows = [];
  let before = null;
  let more = false;
  let fresh = 0;
  let questions = 0;
  let sort = { key: null, descending: true }; // null: the newest first
  const list = h('div', { class: 'card', id: 'alerts' });
  const news = h('button', { type: 'button', class: 'primary', hidden: true, onclick: () => load(true) });
  const summary = h('span', { class: 'soft small grow', id: 'summary' });

  function query() {
    const { period, ...rest } = filter;
    return { ...rest, since: period ? Math.floor(Date.now() / 1000) - Number(period) : '', limit: PAGE,
      sort: sort.key || '', order: sort.key ? (sort.descending ? 'descending' : 'ascending') : '' };
  }

  function draw() {
    if (rows.length === 0) {
      replace(list, empty('No event matches', Object.values(filter).some(Boolean) ? 'Other filters may have some.' : 'No detector has reported anything yet.'));
      summary.textContent = '';
      return;
    }
    replace(list, table([['Begin', '', 'begin'], ['What', '', 'kind'], ['Source', '', 'source'], ['Target', '', 'target'], ['Flows', 'n', 'flows'], ['Confidence', '', 'confidence'], ['State', '', 'state']],
      rows.map(rowOf), { sort: { ...sort, change: (wanted) => {
        sort = { key: wanted, descending: sort.key === wanted ? !sort.descending : wanted !== 'kind' };
        load(true);
      } } }),
    more ? h('div', { class: 'more' }, h('button', { type: 'button', id: 'more', onclick: () => load(false) }, 'Show more')) : null);
    summary.textContent = more ? `the ${sort.key ? 'first' : 'newest'} ${rows.length}` : `${rows.length} event${rows.length === 1 ? '' : 's'}`;
  }

  // The answer to the last question counts: who sorts twice at once gets the second order.
  async function load(anew) {
    const number = ++questions;
    try {
      const answer = await get('alerts', { ...query(), before: anew ? null : before }, signal);
      if (number !== questions) return;
      const known = new Set(anew ? [] : rows.map((row) => row.event.id));
      rows = (anew ? [] : rows).concat(answer.rows.filter((row) => !known.has(row.event.id)));
      before = answer.before;
      more = answer.more;
      if (anew) {
        fresh = 0;
        news.hidden = true;
      }
      draw();
    } catch (error) {
      if (!signal.aborted && number === questions) replace(list, empty('Alerts cannot be shown', error.message));
    }
  }

  function change(key, value) {
    filter[key] = value.trim();
    const text = new URLSearchParams(Object.entries(filter).filter(([, v]) => v)).toString();
    history.replaceState(null, '', text ? `#/alerts?${text}` : '#/alerts');
    load(true);
  }

  const host = h('input', { type: 'search', name: 'host', placeholder: 'Address or network', 'aria-label': 'Address or network', value: filter.host,
    onchange: (event) => change('host', event.currentTarget.value) });
  replace(root, h('div', { class: 'title' }, h('h1', {}, 'Alerts'), summary, news),
    h('form', { class: 'filters', role: 'search', onsubmit: (event) => {
      event.preventDefault();
      if (host.value.trim() !== filter.host) change('host', host.value);
    } },
    host,
    select('period', PERIODS, filter.period, (v) => change('period', v)),
    select('kind', [['', 'any kind'], ...KINDS.map((kind) => [kind, kindName(kind)])], filter.kind, (v) => change('kind', v)),
    select('confidence', [['', 'any confidence'], ['medium', 'medium or high'], ['high', 'high']], filter.confidence, (v) => change('confidence', v)),
    select('state', [['', 'any state'], ...MARKS.map(([value]) => [value, stateName(value)])], filter.state, (v) => change('state', v))),
    list);
  live.listen('alert', (row) => {
    if (row && rows.some((known) => known.event.id === row.event.id)) { // it goes on, or was marked
      rows = rows.map((known) => (known.event.id === row.event.id ? row : known));
      draw();
      return;
    }
    fresh++;
    news.hidden = false;
    news.textContent = `Show ${fresh === 1 ? 'a newer event' : `${fresh} newer events`}`;
  }, signal);
  await load(true);
}
