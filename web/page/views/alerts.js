// SPDX-License-Identifier: BSD-3-Clause
// Events of the store: filtered and sorted by the store. One page of them is in the document, whatever the store holds.

import { get } from '../api.js';
import { empty, h, replace, select, table } from '../dom.js';
import { KINDS, count, kindName, time } from '../format.js';
import * as live from '../live.js';
import { MARKS, hosts, href, pill, stateName } from './events.js';

const PAGE = 50;
const PERIODS = [['', 'any time'], ['3600', 'last hour'], ['86400', 'last day'], ['604800', 'last 7 days'], ['2592000', 'last 30 days']];
const first = (filter = '', sort = { key: null, descending: true }) => ({ filter, sort, cursors: [null], page: 0 }); // without a key the newest first
let kept = first(); // who comes back from an event finds the page again

function rowOf(row) {
  const open = () => { location.hash = href(row); };
  return h('tr', { class: 'link', 'data-id': row.event.id, onclick: (event) => { if (!event.target.closest('a') && !getSelection().toString()) open(); } },
    h('td', { class: 'when' }, time(row.event.begin)),
    h('td', {}, h('a', { href: href(row) }, row.text.title), h('div', { class: 'sub' }, row.text.amount)),
    h('td', { class: 'end', 'data-k': 'from' }, h('div', {}, hosts(row.event.sources, 2))),
    h('td', { class: 'end', 'data-k': 'to' }, h('div', {}, hosts(row.event.targets, 2))),
    h('td', { class: 'n', 'data-k': 'flows' }, row.event.flows ? count(row.event.flows) : ''),
    h('td', { class: 'mark' }, pill(row.event.confidence)),
    h('td', { class: 'mark' }, pill(row.event.state === 'new' ? 'new' : 'plain', stateName(row.event.state))));
}

export async function show(root, route, signal) {
  const filter = Object.fromEntries(['period', 'host', 'kind', 'confidence', 'state', 'detector'].map((key) => [key, route.query.get(key) || '']));
  let rows = [];
  let more = false;
  let fresh = 0;
  let questions = 0;
  const asked = () => new URLSearchParams(Object.entries(filter).filter(([, v]) => v)).toString();
  if (kept.filter !== asked()) kept = first(asked());
  const list = h('div', { class: 'card', id: 'alerts' });
  const news = h('button', { type: 'button', class: 'primary', hidden: true, onclick: () => load(0) });
  const summary = h('span', { class: 'soft small grow', id: 'summary' });

  function query() {
    const { period, ...rest } = filter;
    const { sort } = kept;
    return { ...rest, since: period ? Math.floor(Date.now() / 1000) - Number(period) : '', limit: PAGE,
      sort: sort.key || '', order: sort.key ? (sort.descending ? 'descending' : 'ascending') : '' };
  }

  function draw() {
    const { sort, page } = kept;
    if (rows.length === 0) {
      replace(list, empty('No event matches', Object.values(filter).some(Boolean) ? 'Other filters may have some.' : 'No detector has reported anything yet.'));
      summary.textContent = '';
      return;
    }
    replace(list, table([['Begin', '', 'begin'], ['What', '', 'kind'], ['Source', '', 'source'], ['Target', '', 'target'], ['Flows', 'n', 'flows'], ['Confidence', '', 'confidence'], ['State', '', 'state']],
      rows.map(rowOf), { sort: { ...sort, change: (wanted) => {
        kept = first(kept.filter, { key: wanted, descending: sort.key === wanted ? !sort.descending : wanted !== 'kind' });
        load(0);
      } } }),
    more || page > 0 ? h('div', { class: 'pages', role: 'navigation', 'aria-label': 'Pages' },
      h('button', { type: 'button', id: 'previous', disabled: page === 0, onclick: () => turn(-1) }, '‹ Previous'),
      h('span', { class: 'soft small' }, place()),
      h('button', { type: 'button', id: 'next', disabled: !more, onclick: () => turn(1) }, 'Next ›')) : null);
    summary.textContent = more || page > 0 ? `${place()}${sort.key ? '' : ', the newest first'}` : `${rows.length} event${rows.length === 1 ? '' : 's'}`;
  }

  function place() {
    const before = kept.page * PAGE;
    return `${before + 1} to ${before + rows.length}`;
  }

  async function turn(pages) {
    await load(kept.page + pages);
    list.scrollIntoView({ block: 'start' });
    const button = list.querySelector(pages > 0 ? '#next' : '#previous'); // for those who go on by keyboard
    if (button && !button.disabled) button.focus({ preventScroll: true });
  }

  // The answer to the last question counts: who sorts twice at once gets the second order.
  async function load(page) {
    const number = ++questions;
    try {
      const answer = await get('alerts', { ...query(), before: kept.cursors[page] }, signal);
      if (number !== questions) return;
      kept.page = page;
      kept.cursors[page + 1] = answer.before;
      ({ rows, more } = answer);
      if (rows.length === 0 && page > 0) { // they were deleted meanwhile
        kept = first(kept.filter, kept.sort);
        load(0);
        return;
      }
      if (page === 0) {
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
    kept = first(asked(), kept.sort);
    history.replaceState(null, '', kept.filter ? `#/alerts?${kept.filter}` : '#/alerts');
    load(0);
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
      for (const shown of list.querySelectorAll('tbody tr')) if (shown.dataset.id === row.event.id) shown.replaceWith(rowOf(row));
      return;
    }
    fresh++;
    news.hidden = false;
    news.textContent = `Show ${fresh === 1 ? 'a newer event' : `${fresh} newer events`}`;
  }, signal);
  await load(kept.page);
}
