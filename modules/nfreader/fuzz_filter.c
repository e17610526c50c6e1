/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: filters of nfreader. */
#include <stdlib.h>

#include "filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char error[NF_FILTER_ERROR], *text = malloc(size + 1);
   const struct nf_flow flow = {
       .src = ip_from_int(0x0a000001), .dst = ip_from_int(2), .dst_port = 80, .protocol = 6};
   if (text == NULL) {
      return 0;
   }
   memcpy(text, data, size);
   text[size] = 0;
   nf_filter_t *filter = nf_filter_parse(text, error);
   if (filter == NULL && error[0] == 0) {
      abort(); /* every failure has a reason */
   }
   if (filter != NULL) {
      nf_filter_match(filter, &flow);
      nf_filter_free(filter);
   }
   free(text);
   return 0;
}
