// SPDX-License-Identifier: BSD-3-Clause
// Which view is shown, and whether the connection is there.

import { empty, replace } from './dom.js';
import * as live from './live.js';
import { time } from './format.js';
import * as overview from './views/overview.js';
import * as alerts from './views/alerts.js';
import * as alert from './views/alert.js';
import * as hosts from './views/hosts.js';
import * as pipeline from './views/pipeline.js';
import * as system from './views/system.js';

const root = document.getElementById('view');
const pill = document.getElementById('connection');
const lost = document.getElementById('lost');
let current = null; // AbortController of the view

function parse() {
  const [path, query] = location.hash.slice(1).split('?');
  const parts = path.split('/').filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return '';
    }
  });
  return { name: parts[0] || 'overview', rest: parts.slice(1).join('/'), query: new URLSearchParams(query || '') };
}

function viewOf({ name, rest }) {
  switch (name) {
    case 'overview': return overview;
    case 'alerts': return rest ? alert : alerts;
    case 'hosts': return hosts;
    case 'pipeline': return pipeline;
    case 'system': return system;
    default: return null;
  }
}

async function show() {
  const route = parse();
  const view = viewOf(route);
  if (current) current.abort();
  current = new AbortController();
  const { signal } = current;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.getAttribute('href') === `#/${route.name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${route.name[0].toUpperCase()}${route.name.slice(1)} – NEMEA`;
  root.dataset.view = route.name;
  if (!view) {
    replace(root, empty('There is no such view', location.hash));
    return;
  }
  replace(root);
  scrollTo(0, 0);
  try {
    await view.show(root, route, signal);
  } catch (error) {
    if (!signal.aborted) replace(root, empty('This view cannot be shown', error.message));
  }
}

let since = null;
function connection(yes) {
  pill.textContent = yes ? 'live' : 'connection lost';
  pill.className = yes ? 'pill on' : 'pill off';
  since = yes ? null : since || Date.now() / 1000;
  lost.hidden = yes;
  lost.textContent = yes ? '' : `The connection to nemea_page was lost at ${time(since, false)}. What is shown may be old; trying again.`;
}

addEventListener('hashchange', show);
addEventListener('keydown', (event) => { // 1 to 5 choose a view, "/" a filter
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, select, textarea')) return;
  const links = [...document.querySelectorAll('nav a')];
  if (event.key >= '1' && event.key <= String(links.length)) location.hash = links[Number(event.key) - 1].getAttribute('href');
  const field = event.key === '/' && root.querySelector('input');
  if (field) {
    event.preventDefault();
    field.focus();
  }
});
live.listen('connection', connection);
live.start();
show();
