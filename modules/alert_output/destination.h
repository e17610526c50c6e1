/* SPDX-License-Identifier: BSD-3-Clause */
/** Where messages go: a file, a web server, a syslog server. Used by the sender's thread only. */
#ifndef ALERT_OUTPUT_DESTINATION_H
#define ALERT_OUTPUT_DESTINATION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHY_SIZE 256

struct message {
   const char *data;
   uint32_t length;
};

enum delivery {
   DELIVERED,
   RETRY,   /* none of them, now; later perhaps */
   REJECTED /* the receiver will never take them */
};

struct destination {
   /** Sends n messages. \param why the reason of RETRY and REJECTED */
   enum delivery (*send)(struct destination *d, const struct message *m, unsigned n, char why[WHY_SIZE]);
   /** Where the receiver confirms nothing itself: bytes of this connection that have reached its system. \return false: the connection is
    * broken. NULL: what send() delivered is confirmed */
   bool (*reached)(struct destination *d, uint64_t *bytes);
   /** Ends the connection and waits until the receiver has read all. \return false: it is not known that it has */
   bool (*finish)(struct destination *d, unsigned milliseconds);
   /** SIGHUP: opens files again. May be NULL. */
   void (*reopen)(struct destination *d);
   void (*free)(struct destination *d);
   atomic_bool cancelled; /* the module ends: give up waiting */
   uint64_t bytes;        /* sent on this connection */
   unsigned most;         /* messages of one call of send() */
};

struct destination_options {
   const char *ca;         /* file of CA certificates; NULL: those of the system */
   const char *key, *cert; /* of the client; NULL: none */
   const char *headers;    /* file of lines "Name: value" */
   const char *content_type;
   bool json; /* several messages are a JSON array */
   unsigned batch;
   unsigned timeout; /* milliseconds, of a connection attempt, a request, a write */
};

/* Each returns NULL with a reason. */
struct destination *file_open(const char *path, char why[WHY_SIZE]);
struct destination *webhook_open(const char *url, const struct destination_options *o, char why[WHY_SIZE]);
/** \param address "HOST:PORT" or "[ADDRESS]:PORT" */
struct destination *syslog_open(const char *address, bool tls, const struct destination_options *o,
                                char why[WHY_SIZE]);

/** Is this file readable for its owner alone, and is that us or root? \return false with a reason */
bool secret_file(const char *path, char why[WHY_SIZE]);

#endif
