/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file fetch.h
 * Downloads over HTTP and HTTPS, several at a time, each bounded in time and size.
 */
#ifndef BL_DOWNLOADER_FETCH_H
#define BL_DOWNLOADER_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#define FETCH_ERROR     512
#define FETCH_TAG       256 /* size of ETag and Last-Modified */
#define FETCH_REDIRECTS 5
#define FETCH_PARALLEL  8

enum fetch_result {
   FETCH_FAILED,    /* error is set */
   FETCH_UNCHANGED, /* the server says that it is the version whose tags were given */
   FETCH_NEW        /* data is set */
};

/** A download. */
struct fetch {
   const char *url;
   char etag[FETCH_TAG],
       modified[FETCH_TAG]; /* of the version that is there, "": none; then of the new one */
   void *context;           /* of the caller */

   enum fetch_result result;
   char *data; /* decompressed; to free() */
   size_t size;
   char error[FETCH_ERROR];
   struct transfer *transfer; /* private */
};

struct fetch_limits {
   unsigned timeout; /* seconds to connect, and without data */
   unsigned total;   /* seconds for all of it */
   size_t size;      /* bytes, after decompression too */
};

/** Does all n downloads. \param stop looked at while waiting; true ends them as failed */
void fetch_all(struct fetch *fetches, size_t n, const struct fetch_limits *limits, bool (*stop)(void));

#endif
