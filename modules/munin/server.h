/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A UNIX socket that gives each client a text and closes the connection: how munin reads the counters of proto_traffic and
 * link_traffic. A thread of its own answers, so that a busy module or a slow client delays no other client.
 */
#ifndef NEMEA_MUNIN_SERVER_H
#define NEMEA_MUNIN_SERVER_H

#include <nemea/module.h>

struct munin_server;

/** Listens at a path with mode 0666; makes the directory and removes an old socket of the same path.
 *  \return NM_OK, nm_fail() */
int munin_open(nm_module_t *m, const char *path, struct munin_server **server);
/** The text for clients from now on; the server owns it and frees it. NULL: no memory, the old one stays. */
void munin_publish(struct munin_server *server, char *text);
/** Ends the thread and removes the socket. NULL is allowed. */
void munin_close(struct munin_server *server);

#endif
