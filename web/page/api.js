// SPDX-License-Identifier: BSD-3-Clause
// The HTTP API. An error has the reason as its message, and the program that does not answer as its source.

export class ApiError extends Error {
  constructor(status, body) {
    super((body && body.error) || `HTTP ${status}`);
    this.status = status;
    this.source = body && body.source;
  }
}

async function ask(method, path, query, body, signal) {
  const url = new URL(`/api/v1/${path}`, location.origin);
  for (const [key, value] of Object.entries(query || {})) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(key, value);
  }
  const options = { method, signal, headers: {} };
  if (body) {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(body);
  }
  const response = await fetch(url, options);
  const answer = await response.json().catch(() => null);
  if (response.status === 401) location.reload(); // the page that says how to get a session
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}

export const get = (path, query, signal) => ask('GET', path, query, null, signal);
export const post = (path, body) => ask('POST', path, null, body);
