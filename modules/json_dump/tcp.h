/* SPDX-License-Identifier: BSD-3-Clause */
/** A TCP server that texts are sent to; connected again and again. */
#ifndef JSON_DUMP_TCP_H
#define JSON_DUMP_TCP_H

#include <stdbool.h>
#include <stddef.h>

#define TCP_HOST 256
#define TCP_WHY  128

struct tcp {
   char host[TCP_HOST], port[8];
   int fd; /* -1: not connected */
   int retry_ms;
   char why[TCP_WHY]; /* of the last failure, which is said once */
   bool (*stopping)(void *arg);
   void *arg;
};

/** Reads "HOST:PORT" or "[ADDRESS]:PORT". */
bool tcp_parse(struct tcp *tcp, const char *text);
/** Sends a text as a whole, over a new connection when the old one broke; a text that was cut off is sent again.
 * \return false: stopping() told to end before */
bool tcp_send(struct tcp *tcp, const char *text, size_t length);
/** Connects. \return false as above */
bool tcp_connect(struct tcp *tcp);
void tcp_close(struct tcp *tcp);

#endif
