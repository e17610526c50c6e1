/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What is checked of every request before anything else looks at it: that the browser means this page (Host), that no other page
 * sent it (Origin, Sec-Fetch-Site), and who sends it (cookie, bearer token). Pure functions of header texts.
 */
#ifndef WEB_GUARD_H
#define WEB_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#define GUARD_HOSTS     16
#define GUARD_HOST_SIZE 264 /* "NAME:PORT" */
#define TOKEN_DIGITS    32  /* of tokens and ids of sessions, hexadecimal */
#define TOKEN_SIZE      (TOKEN_DIGITS + 1)

/** Names under which browsers may ask for the page. */
struct guard {
   char hosts[GUARD_HOSTS][GUARD_HOST_SIZE]; /* lower case, with a port unless it is that of the scheme */
   unsigned n_hosts;
   bool tls;
   unsigned port;
   char cookie[32]; /* its name: cookies do not know ports */
};

/** Header fields; NULL: it is not there. */
struct headers {
   const char *host, *origin, *site, *cookie, *authorization;
   unsigned n_hosts; /* Host fields */
};

/** \param port that of the page; names of hosts are added without it. */
void guard_init(struct guard *g, bool tls, unsigned port);
/** A name or address (IPv6 in brackets). \return false: too long, not a name, or too many */
bool guard_add_host(struct guard *g, const char *name);
/** \return 0, or the HTTP status of the refusal with its reason. changes: the request changes something */
unsigned guard_check(const struct guard *g, const struct headers *h, bool changes, const char **why);
/** The session in a Cookie field. \return false: there is none, or not in its form */
bool guard_session(const struct guard *g, const char *cookies, char id[TOKEN_SIZE]);
/** Does an Authorization field hold this bearer token? expected "": there is none, so no */
bool guard_bearer(const char *authorization, const char *expected);
/** Compares in a time that does not tell where the difference is. */
bool guard_same(const char *a, const char *b);
/** TOKEN_DIGITS hexadecimal digits and nothing else. */
bool guard_is_token(const char *text, size_t length);

#endif
