/* SPDX-License-Identifier: BSD-3-Clause */
/** Programs that are asked over their sockets: a JSON object a line there and back, each within a time and a size. */
#ifndef WEB_UPSTREAM_H
#define WEB_UPSTREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define UPSTREAM_WHY 640
#define ANSWER_MAX   (8u << 20) /* bytes of an answer; a longer one is an error */

/** A connection. */
struct upstream {
   int fd; /* -1: none */
   char *buffer;
   size_t from, to, capacity; /* bytes that are not taken yet */
   size_t taken;              /* bytes of the answer so far */
};

/** Monotonic milliseconds. */
int64_t now_ms(void);
/** \param where a path (it has a '/'), or the name of a socket in TRAP's directories. Does not block. \return false with a message */
bool upstream_connect(struct upstream *u, const char *where, char why[UPSTREAM_WHY]);
/** \param deadline of now_ms(). \return false with a message */
bool upstream_send(struct upstream *u, const json_t *request, int64_t deadline, char why[UPSTREAM_WHY]);
/** The next line, to be released. \return NULL with a message; "" when the deadline has passed and nothing came */
json_t *upstream_next(struct upstream *u, int64_t deadline, char why[UPSTREAM_WHY]);
void upstream_close(struct upstream *u);
/** Asks one question with an answer of one line. \return NULL with a message */
json_t *upstream_ask(const char *where, const json_t *request, int timeout_ms, char why[UPSTREAM_WHY]);

#endif
