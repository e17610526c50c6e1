// SPDX-License-Identifier: BSD-3-Clause
// What happens, as the server sends it; says when the connection is lost.

const SILENT = 6000; // ms without a message: the connection is lost, whatever the browser thinks

const listeners = { status: new Set(), alert: new Set(), connection: new Set() };
export const state = { status: null, connected: false };
let last = 0;
let source = null;

function tell(kind, value) {
  for (const listener of listeners[kind]) listener(value);
}

function connected(yes) {
  if (yes !== state.connected) {
    state.connected = yes;
    tell('connection', yes);
  }
}

// Ends of edges as names of modules; edges that only one module knows have no other end.
function pipeline({ modules, edges }) {
  return { modules, edges: (edges || []).filter((edge) => edge.from && edge.to).map((edge) => ({ ...edge, from: edge.from.module, to: edge.to.module })) };
}

function open() {
  if (source) source.close();
  last = Date.now();
  source = new EventSource('/api/v1/live');
  const on = (event, take) => source.addEventListener(event, (message) => {
    last = Date.now();
    connected(true);
    take(JSON.parse(message.data));
  });
  on('status', (data) => {
    if (data.pipeline) data.pipeline = pipeline(data.pipeline);
    state.status = data;
    tell('status', data);
  });
  on('alert', (data) => tell('alert', data));
  on('missed', () => tell('alert', null));
  source.onerror = () => {
    connected(false);
    if (source.readyState === EventSource.CLOSED) { // refused: the session has ended, or the page restarts
      fetch('/api/v1/alerts/stats').then((r) => { if (r.status === 401) location.reload(); }).catch(() => {});
    }
  };
}

export function start() {
  open();
  setInterval(() => {
    if (Date.now() - last > SILENT) {
      connected(false);
      open();
    }
  }, 2000);
}

// Until signal is aborted.
export function listen(kind, listener, signal) {
  listeners[kind].add(listener);
  if (signal) signal.addEventListener('abort', () => listeners[kind].delete(listener));
}
