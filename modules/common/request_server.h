/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A Unix socket of TRAP's directory on which a module answers requests: a request is a JSON object in a line, an answer is lines of
 * JSON, the last of which has "ok" or "error". Each client has a thread of its own, so answering holds up neither the module nor other clients.
 *
 * Who may ask: the module's user, root, and members of the group of the socket; each connection is refused or taken by the
 * credentials that the kernel tells.
 * Bounds: CLIENTS_MAX clients, CLIENTS_OF_USER of one user other than root and the module's; lines of REQUEST_MAX bytes; a client that says
 * nothing for a minute, or reads nothing for ten seconds, is disconnected; an answer has a deadline.
 */
#ifndef MODULES_REQUEST_SERVER_H
#define MODULES_REQUEST_SERVER_H

#include "answer.h"
#include "request_values.h"

#include <stdint.h>
#include <sys/types.h>

#define CLIENTS_MAX     32
#define CLIENTS_OF_USER 8
#define REQUEST_MAX     16384 /* bytes of a line */

struct request_server;
struct request_client;

/** What a module does with requests; called in the threads of the clients. */
struct request_handler {
   void *context;
   size_t
       state_size; /* of what is kept for each client, such as a connection to a database; zeroed when it connects */
   /** Answers a request. \param line may have a '\n' at its end \param a where lines are added, which are sent when this returns
    * \return false: the client is disconnected then */
   bool (*answer)(void *context, void *state, struct request_client *c, const char *line, size_t size,
                  struct answer *a);
   /** The client has gone. May be NULL. */
   void (*close)(void *context, void *state);
};

/** Listens on the socket trap-NAME.sock. \param timeout_ms the deadline of an answer \return NULL with a message in why */
struct request_server *request_server_start(const char *name, const struct request_handler *handler,
                                            unsigned timeout_ms, char *why, size_t size);
uint64_t request_server_requests(const struct request_server *s);
/** Clients that were refused. */
uint64_t request_server_refused(const struct request_server *s);
/** Disconnects all, and removes the socket. NULL is allowed. */
void request_server_stop(struct request_server *s);

uid_t request_client_user(const struct request_client *c);
/** Whether the deadline of the request has passed. For SQLite: a progress handler that calls this. */
bool request_client_late(const struct request_client *c);
/** The request has no deadline: for answers without end. */
void request_client_no_deadline(struct request_client *c);
/** Sends what the answer has so far. \return false: the client is not there any more */
bool request_client_send(struct request_client *c, struct answer *a);
/** The client has gone, or said something more, or the server stops: an answer without end is to end. */
bool request_client_ended(const struct request_client *c);

#endif
