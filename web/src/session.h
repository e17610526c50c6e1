/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Sessions: a one-time token, in the address that is printed, is exchanged for one. Tokens and sessions are 128 random bits.
 * The next token stands in a file that only the user of the page can read, and sessions in one beside it, so that a restart of the page ends none.
 * Used by the server's thread, but for sessions_token() and what opens and closes them.
 */
#ifndef WEB_SESSION_H
#define WEB_SESSION_H

#include "guard.h"

#include <pthread.h>
#include <stdint.h>

#define SESSIONS_MAX    64
#define SESSION_SECONDS 43200 /* without a request */

struct session {
   char id[TOKEN_SIZE]; /* "": free */
   int64_t used;        /* seconds since 1970 */
};

struct sessions {
   char *token_file, *file; /* NULL: kept in memory only */
   char token[TOKEN_SIZE];
   pthread_mutex_t lock; /* of the token */
   struct session list[SESSIONS_MAX];
};

/** Reads the sessions of an earlier process and makes a token. \param file NULL: no files \return false with a message */
bool sessions_open(struct sessions *s, const char *file, int64_t now, char *why, size_t size);
void sessions_close(struct sessions *s);
/** Copies the token; by any thread. */
void sessions_token(struct sessions *s, char token[TOKEN_SIZE]);
/** Exchanges the token, which is another one then. \return the id of a new session; NULL: it was not this token */
const char *sessions_exchange(struct sessions *s, const char *token, int64_t now);
/** Does a session of this id live? It lives on then. */
bool sessions_touch(struct sessions *s, const char *id, int64_t now);
/** Ends one. */
void sessions_end(struct sessions *s, const char *id);
unsigned sessions_count(const struct sessions *s);

#endif
