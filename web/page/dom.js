// SPDX-License-Identifier: BSD-3-Clause
// Elements are made by name, attributes and children; a text is always a text node, so nothing in it is markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child)))));
  return element;
}

export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

export function replace(parent, ...children) {
  parent.replaceChildren();
  return fill(parent, {}, children);
}

export function card(width, title, ...children) {
  return h('section', { class: `card ${width}` }, title ? h('h2', {}, title) : null, ...children);
}

export function empty(title, why) {
  return h('div', { class: 'empty' }, h('b', {}, title), why || '');
}

// A choice of one of several: buttons side by side.
export function choice(label, options, chosen, change) {
  const buttons = options.map(([value, text]) => h('button', { type: 'button', 'aria-pressed': value === chosen ? 'true' : 'false',
    onclick: (event) => {
      buttons.forEach((b) => b.setAttribute('aria-pressed', b === event.currentTarget ? 'true' : 'false'));
      change(value);
    } }, text));
  return h('span', { class: 'choice', role: 'group', 'aria-label': label }, buttons);
}

export function select(label, options, chosen, change) {
  return h('select', { 'aria-label': label, name: label, onchange: (event) => change(event.currentTarget.value) },
    options.map(([value, text]) => h('option', { value, selected: value === chosen }, text)));
}

// A table; columns: [title, class, sort key]. sort: {key, descending, change}
export function table(columns, rows, { sort, stack = true } = {}) {
  return h('div', { class: 'table' }, h('table', { class: stack ? 'stack' : '' },
    h('thead', {}, h('tr', {}, columns.map(([title, kind, key]) => h('th', { class: kind || '', scope: 'col',
      'aria-sort': sort && key && sort.key === key ? (sort.descending ? 'descending' : 'ascending') : null },
    sort && key ? h('button', { type: 'button', onclick: () => sort.change(key) }, title, sort.key === key ? (sort.descending ? ' ▾' : ' ▴') : '') : title)))),
    h('tbody', {}, rows)));
}
