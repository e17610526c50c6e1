/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: files of nfdump. */
#include <stdlib.h>

#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static nf_reader_t *reader; /* one for all, as for several files of a command line */
   struct nf_flow flow;
   enum nf_result result = NF_DAMAGED;
   if (size == 0) {
      return 0;
   }
   reader = reader != NULL ? reader : nf_reader_new();
   FILE *stream = fmemopen((void *) (uintptr_t) data, size, "r");
   if (reader == NULL || stream == NULL) {
      abort();
   }
   if (nf_reader_open_stream(reader, stream, "file")) {
      while ((result = nf_reader_next(reader, &flow)) == NF_FLOW_READ) {
      }
   }
   if (result == NF_DAMAGED && nf_reader_error(reader)[0] == 0) {
      abort(); /* every failure has a reason */
   }
   return 0;
}
