// SPDX-License-Identifier: BSD-3-Clause
// Addresses with what is known of them: asked for together, kept, and filled in when it comes.

import { get } from './api.js';
import { h } from './dom.js';

const known = new Map(); // address -> what is known
const waiting = new Map(); // address -> elements
let timer = null;
const KEPT = 5000;
const TOGETHER = 100;

function short(about) {
  const place = [about.country, about.as_name || (about.as ? `AS${about.as}` : '')].filter(Boolean).join(', ');
  return [about.name, place].filter(Boolean).join(' · ');
}

function show(element, about) {
  const text = short(about);
  element.replaceChildren(...(about.network ? [h('span', { class: 'label' }, about.network)] : []), ...(text ? [document.createTextNode(` ${text}`)] : []));
}

async function ask() {
  timer = null;
  const list = [...waiting.keys()].slice(0, TOGETHER);
  const elements = list.map((address) => [address, waiting.get(address)]);
  list.forEach((address) => waiting.delete(address));
  if (waiting.size > 0) timer = setTimeout(ask, 50);
  try {
    const { addresses } = await get('addresses', { a: list.join(',') });
    if (known.size > KEPT) known.clear();
    for (const [address, targets] of elements) {
      const about = addresses[address] || {};
      if (!about.pending) known.set(address, about);
      targets.forEach((element) => show(element, about));
    }
  } catch {
    // Nothing is known then; the addresses are there.
  }
}

function want(address, element) {
  if (known.has(address)) {
    show(element, known.get(address));
    return;
  }
  if (!waiting.has(address)) waiting.set(address, new Set());
  waiting.get(address).add(element);
  timer = timer || setTimeout(ask, 20);
}

// A link to the host, and what is known of it. about: false to leave that out
export function address(ip, { about = true, line = false } = {}) {
  const link = h('a', { class: 'address', href: `#/hosts/${encodeURIComponent(ip)}`, onclick: (event) => event.stopPropagation() }, ip);
  if (!about || ip.includes('/')) return link;
  const element = h(line ? 'div' : 'span', { class: 'sub small soft' });
  want(ip, element);
  return h('span', {}, link, ' ', element);
}

export async function facts(ip) {
  return (await get('addresses', { a: ip })).addresses[ip] || {};
}
