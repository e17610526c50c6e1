// SPDX-License-Identifier: BSD-3-Clause
// Addresses with what is known of them: asked for together, kept, and filled in when it comes.

import { get } from './api.js';
import { h } from './dom.js';

const known = new Map(); // address -> what is known
const waiting = new Map(); // address -> elements
const tried = new Map(); // address -> how often its name was waited for
let timer = null;
const KEPT = 5000;
const TOGETHER = 100;
const AGAIN = 1000; // ms, while a name server has not answered
const TIMES = 5;

function short(about) {
  const place = [about.country, about.as_name || (about.as ? `AS${about.as}` : '')].filter(Boolean).join(', ');
  return [about.name, place].filter(Boolean).join(' · ');
}

function show(element, about) {
  const text = short(about);
  element.replaceChildren(...(about.network ? [h('span', { class: 'label' }, about.network)] : []), ...(text ? [document.createTextNode(` ${text}`)] : []));
}

// The name was not known yet.
function again(address, elements) {
  const times = (tried.get(address) || 0) + 1;
  tried.set(address, times);
  if (times <= TIMES) setTimeout(() => elements.forEach((element) => want(address, element)), AGAIN);
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
    if (tried.size > KEPT) tried.clear();
    for (const [address, targets] of elements) {
      const about = addresses[address] || {};
      if (!about.pending) known.set(address, about);
      targets.forEach((element) => show(element, about));
      const here = [...targets].filter((element) => element.isConnected);
      if (about.pending && here.length > 0) again(address, here);
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

// What is known of an address now.
export async function facts(ip, signal) {
  return (await get('addresses', { a: ip }, signal)).addresses[ip] || {};
}

// Tells that, and once more when the name of the address has come.
export async function follow(ip, tell, signal) {
  for (let times = 0; times <= TIMES && !signal.aborted; times++) {
    const about = await facts(ip, signal);
    tell(about);
    if (!about.pending) return;
    await new Promise((done) => setTimeout(done, AGAIN));
  }
}
