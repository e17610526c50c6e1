/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: requests of clients, and events as they stand in a database. The first byte says which of the two comes. */
#include "blob.h"
#include "request.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct request r;
   char why[REQUEST_ERROR] = "";
   if (size == 0) {
      return 0;
   }
   if (data[0] == 'e') {
      read_event(data + 1, size - 1);
   } else if (!request_parse((const char *) data + 1, size - 1, &r, why) && *why == 0) {
      abort(); /* refused without a reason */
   }
   return 0;
}
