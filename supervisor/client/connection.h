/* SPDX-License-Identifier: BSD-3-Clause */
/** A connection of a client to the supervisor. */
#ifndef SUPERVISOR_CONNECTION_H
#define SUPERVISOR_CONNECTION_H

#include <jansson.h>
#include <stddef.h>

/** \return a descriptor, -1 with errno */
int connection_open(const char *path);
/** Sends a line and reads until the end of the connection, or the end of a line when one_line is set.
 *  \return an allocated text, NULL with errno: ETIMEDOUT, EMSGSIZE, ECONNRESET, ... */
char *connection_ask(int fd, const char *line, int one_line);
/** The answer to a request, whose reference it takes. \return NULL with errno; EPROTO: no JSON */
json_t *connection_command(const char *path, json_t *request);

#endif
