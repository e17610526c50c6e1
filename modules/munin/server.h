/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A UNIX socket that gives each client a text and closes the connection: how munin reads the counters of proto_traffic and
 * link_traffic. A thread of its own answers, so that a busy module or a slow client delays no other client.
 */
#ifndef NEMEA_MUNIN_SERVER_H
#define NEMEA_MUNIN_SERVER_H

#include <nemea/module.h>
#include <stdio.h>

struct munin_server;

/** Listens at a path with mode 0666; makes the directory and removes an old socket of the same path.
 *  \return NM_OK, nm_fail() */
int munin_open(nm_module_t *m, const char *path, struct munin_server **server);
/** A text for clients that is being written. */
struct munin_text {
   FILE *file;
   char *bytes;
   size_t size;
};
/** Begins a text. \return where to write it; NULL: no memory, as a warning has said */
FILE *munin_begin(nm_module_t *m, struct munin_text *text);
/** Ends a text; clients get it from now on. Without memory they get the old one. */
void munin_publish(struct munin_server *server, struct munin_text *text);
/** Ends the thread and removes the socket. NULL is allowed. */
void munin_close(struct munin_server *server);

#endif
