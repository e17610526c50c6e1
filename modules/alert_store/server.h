/* SPDX-License-Identifier: BSD-3-Clause */
/** The store's side of its socket: each client has a connection to the database of its own, and may follow what is stored. Nothing here can
 *  hold up the alerts but the writing of a mark, for its duration. */
#ifndef ALERT_STORE_SERVER_H
#define ALERT_STORE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANGES_MAX 65536 /* changed events that a client may be behind */

struct server;

/** Listens on the socket of this name, in the directory of TRAP's sockets. \param database,file the path, and the open file, see struct database.
 *  \return NULL with a message in why */
struct server *server_start(const char *name, const char *database, int file, unsigned timeout_ms, char *why,
                            size_t size);
/** Events that were written: those who follow are told. */
void server_changed(struct server *s, const int64_t *numbers, size_t n);
uint64_t server_requests(const struct server *s);
uint64_t server_refused(const struct server *s);
/** Disconnects all, and removes the socket. NULL is allowed. */
void server_stop(struct server *s);

#endif
