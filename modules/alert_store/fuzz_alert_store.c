/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: requests of clients, events as they stand in a database, and pages of its file. The first byte says which of them comes. */
#include "blob.h"
#include "read_ahead.h"
#include "request.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_event(const uint8_t *data, size_t size)
{
   uint8_t blob[BLOB_MAX], again[BLOB_MAX];
   struct event e, same;
   if (!blob_read(data, size, &e)) {
      return;
   }
   size_t n = blob_write(&e, blob);
   if (!blob_read(blob, n, &same) || blob_write(&same, again) != n || memcmp(blob, again, n) != 0) {
      abort(); /* an event is not the same after it was stored */
   }
   memset(e.id, 'a', EVENT_ID_SIZE - 1);
   json_decref(event_json(&e));
}

/* A file of pages of 512 bytes, the first of which is the root of a table. */
static void read_pages(const uint8_t *data, size_t size)
{
   const int64_t rows[] = {INT64_MIN, -1, 1, 77, 1000000, INT64_MAX};
   int fd = memfd_create("pages", MFD_CLOEXEC);
   if (fd >= 0 && write(fd, data, size) == (ssize_t) size && read_ahead(fd, 512, 1, rows, 6) > 6) {
      abort(); /* more pages than rows */
   }
   close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct request r;
   char why[REQUEST_ERROR] = "";
   if (size == 0) {
      return 0;
   }
   if (data[0] == 'e') {
      read_event(data + 1, size - 1);
   } else if (data[0] == 'p') {
      read_pages(data + 1, size - 1);
   } else if (!request_parse((const char *) data + 1, size - 1, &r, why) && *why == 0) {
      abort(); /* refused without a reason */
   }
   return 0;
}
