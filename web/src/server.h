/* SPDX-License-Identifier: BSD-3-Clause */
/** The HTTP server of the page. */
#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include "enrich.h"
#include "guard.h"
#include "work.h"

#include <stdint.h>
#include <sys/socket.h>

#define SERVER_STRANGERS 256   /* of them without a session; beyond, the oldest one is closed */
#define REQUEST_MS       10000 /* for the whole head and body of a request */

struct server_options {
   int listener; /* taken over */
   struct guard guard;
   const char *cert, *key;    /* PEM texts; NULL: no TLS */
   const char *token_file;    /* NULL: none */
   const char *metrics_token; /* "": no metrics */
   struct sources sources;
   struct enrich *enrich;
};

struct server;

/** \return NULL with a message */
struct server *server_start(const struct server_options *o, char *why, size_t size);
/** Copies the one-time token for the next session; by any thread. */
void server_token(struct server *s, char token[TOKEN_SIZE]);
/** Closes connections whose requests take too long. To be called each second. */
void server_tick(struct server *s);
void server_stop(struct server *s);

#endif
