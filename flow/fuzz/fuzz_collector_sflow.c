/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: sFlow datagrams. Records have the length of their fields, and each sample is counted once. */
#include "collector/sflow.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void check(void *context, const struct fc_sflow_sample *sample)
{
   unsigned n, length = 0;
   const struct fc_sflow_field *fields = fc_sflow_fields(sample->ipv6, &n);
   for (unsigned i = 0; i < n; i++) {
      length += fields[i].length;
   }
   if (sample->length != length) {
      abort();
   }
   for (unsigned i = 0; i < length; i++) {
      sink = (uint8_t) (sink ^ sample->record[i]);
   }
   ++*(uint64_t *) context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static struct fc_sflow *s;
   static uint64_t records;
   static const uint8_t sender[16] = {1};
   if (s == NULL && (s = fc_sflow_new(16)) == NULL) {
      return 0;
   }
   (void) fc_sflow_decode(s, sender, UINT64_MAX / 4, data, size, check, &records);
   const struct fc_sflow_counters *c = fc_sflow_counters(s);
   if (c->records != records || c->records + c->not_ip + c->not_parsed + c->no_packet > c->flow_samples) {
      abort();
   }
   return 0;
}
