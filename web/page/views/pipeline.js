// SPDX-License-Identifier: BSD-3-Clause
// The modules and what flows between them. Columns are the distance from a source; within a column, modules stand near what they read.

import { card, empty, h, replace, svg } from '../dom.js';
import { bytes, count, percent, rate } from '../format.js';
import * as live from '../live.js';
import * as view from './module.js';

const WIDTH = 190;
const HEIGHT = 62;
const GAP_X = 110;
const GAP_Y = 18;

// Modules by column. Cycles are cut where they are met.
function columns(modules, edges) {
  const depth = new Map(modules.map((m) => [m.name, 0]));
  for (let round = 0; round < modules.length; round++) {
    let changed = false;
    for (const { from, to } of edges) {
      if (depth.has(from) && depth.has(to) && from !== to && depth.get(to) <= depth.get(from) && depth.get(from) + 1 < modules.length) {
        depth.set(to, depth.get(from) + 1);
        changed = true;
      }
    }
    if (!changed) break;
  }
  const list = [];
  for (const module of modules) (list[depth.get(module.name)] ||= []).push(module.name);
  return list.filter(Boolean);
}

function order(list, edges) {
  const place = new Map();
  list.forEach((names, column) => {
    const mean = (name) => {
      const from = edges.filter((edge) => edge.to === name && place.has(edge.from)).map((edge) => place.get(edge.from));
      return from.length > 0 ? from.reduce((a, b) => a + b, 0) / from.length : column === 0 ? 0 : names.length;
    };
    const keys = new Map(names.map((name) => [name, mean(name)]));
    names.sort((a, b) => keys.get(a) - keys.get(b) || (a < b ? -1 : 1));
    names.forEach((name, i) => place.set(name, (i + 0.5) / names.length));
  });
  return list;
}

function layout(modules, edges) {
  const list = order(columns(modules, edges), edges);
  const rows = Math.max(1, ...list.map((names) => names.length));
  const height = rows * (HEIGHT + GAP_Y) - GAP_Y;
  const spots = new Map();
  list.forEach((names, column) => names.forEach((name, i) => spots.set(name, {
    x: column * (WIDTH + GAP_X), y: (height - names.length * (HEIGHT + GAP_Y) + GAP_Y) / 2 + i * (HEIGHT + GAP_Y),
  })));
  return { spots, width: list.length * (WIDTH + GAP_X) - GAP_X, height };
}

function graph(chosen) {
  const lines = svg('svg', { 'aria-hidden': 'true' });
  const plane = h('div', { class: 'plane' }, lines);
  const element = h('div', { class: 'graph', id: 'graph' }, plane);
  let shape = '';
  let nodes = new Map();
  let paths = [];

  function build(modules, edges) {
    const { spots, width, height } = layout(modules, edges);
    replace(lines);
    replace(plane, lines);
    plane.style.width = `${width}px`;
    plane.style.height = `${height}px`;
    lines.setAttribute('width', width);
    lines.setAttribute('height', height);
    const labels = new Map();
    paths = edges.filter((edge) => spots.has(edge.from) && spots.has(edge.to)).map((edge) => {
      const a = spots.get(edge.from);
      const b = spots.get(edge.to);
      const [x1, y1, x2, y2] = [a.x + WIDTH, a.y + HEIGHT / 2, b.x, b.y + HEIGHT / 2];
      const bend = Math.max(40, Math.abs(x2 - x1) / 2);
      const path = svg('path', { d: `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}` });
      const text = svg('text', { x: x2 - 8, y: y2 - 5 - 13 * (labels.get(edge.to) || 0), 'text-anchor': 'end' });
      labels.set(edge.to, (labels.get(edge.to) || 0) + 1);
      lines.append(path, text);
      return { path, text };
    });
    nodes = new Map(modules.map((module) => {
      const what = [h('b'), h('span'), h('span')];
      const node = h('button', { type: 'button', class: 'node', 'data-module': module.name, onclick: () => { location.hash = `#/pipeline/${encodeURIComponent(module.name)}`; } }, what);
      const spot = spots.get(module.name);
      node.style.left = `${spot.x}px`;
      node.style.top = `${spot.y}px`;
      plane.append(node);
      return [module.name, { node, what }];
    }));
  }

  function update(modules, edges) {
    const now = JSON.stringify([modules.map((m) => m.name), edges.map((e) => [e.from, e.to, e.name])]);
    if (now !== shape) {
      build(modules, edges);
      shape = now;
    }
    edges.filter((edge) => nodes.has(edge.from) && nodes.has(edge.to)).forEach((edge, i) => {
      const { path, text } = paths[i];
      path.setAttribute('class', edge.drop_rate > 0 ? 'drop' : edge.rate > 0 ? 'flow' : '');
      path.setAttribute('stroke-width', String(1.2 + Math.min(4, Math.log10(1 + (edge.rate || 0)))));
      text.textContent = [edge.rate !== undefined && edge.rate !== null ? rate(edge.rate) : '', edge.drop_rate > 0 ? `−${rate(edge.drop_rate)}` : '', edge.queue_fill >= 0.01 ? `queue ${Math.round(edge.queue_fill * 100)} %` : ''].filter(Boolean).join(' ');
    });
    for (const module of modules) {
      const { node, what } = nodes.get(module.name);
      node.className = `node ${module.state}`;
      node.setAttribute('aria-pressed', module.name === chosen ? 'true' : 'false');
      node.title = module.name;
      what[0].textContent = module.name;
      what[1].textContent = [module.state, module.cpu !== undefined && module.cpu !== null ? `${percent(module.cpu)} CPU` : '', module.memory ? bytes(module.memory) : ''].filter(Boolean).join(' · ');
      const dropped = (module.outputs || []).reduce((sum, o) => sum + (o.dropped || 0), 0);
      what[2].textContent = [`${count((module.inputs || []).reduce((sum, i) => sum + (i.messages || 0), 0))} in`, `${count((module.outputs || []).reduce((sum, o) => sum + (o.messages || 0), 0))} out`,
        dropped > 0 ? `${count(dropped)} dropped` : '', module.restarts > 0 ? `${module.restarts} restart${module.restarts === 1 ? '' : 's'}` : ''].filter(Boolean).join(' · ');
    }
  }
  return { element, update };
}

export async function show(root, route, signal) {
  const chosen = route.rest;
  const drawn = graph(chosen);
  const box = h('div', {}, empty('Waiting for the supervisor'));
  const summary = h('span', { class: 'soft small grow' });
  const detail = { about: h('div', { id: 'module' }), counters: h('div', { id: 'counters' }) };
  let known = false;

  function update(data) {
    if (!data.pipeline) {
      replace(box, empty('The pipeline cannot be shown', data.unavailable && data.unavailable.error));
      return;
    }
    const { modules, edges = [] } = data.pipeline;
    if (modules.length === 0) {
      replace(box, empty('There are no modules', 'The configuration of the supervisor names none.'));
      return;
    }
    if (box.firstChild !== drawn.element) replace(box, drawn.element);
    drawn.update(modules, edges);
    const ready = modules.filter((m) => m.state === 'ready' || m.state === 'running').length;
    summary.textContent = `${ready} of ${modules.length} modules run`;
    const module = modules.find((m) => m.name === chosen);
    if (module) {
      replace(detail.about, view.facts(module));
      replace(detail.counters, view.counters(module));
      if (!known) {
        known = true;
        root.append(h('div', { class: 'grid below' }, card('w4', module.name, detail.about), card('w8', 'Interfaces', detail.counters),
          card('w12', 'Log', view.log(module.name, signal)), card('w12', 'Records', view.records(module, signal))));
      }
    }
  }

  replace(root, h('div', { class: 'title' }, h('h1', {}, 'Pipeline'), summary), h('section', { class: 'card' }, box));
  live.listen('status', update, signal);
  if (live.state.status) update(live.state.status);
}
