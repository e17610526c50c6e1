/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: DNS messages. */
#include "plugin.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static ur_template_t *tmplt;
   static void *record;
   if (tmplt == NULL) {
      ur_define_set_of_fields(plugin_dns.fields);
      tmplt = ur_create_template_from_ifc_spec(plugin_dns.fields);
      record = ur_create_record(tmplt, UR_MAX_SIZE);
   }
   void *ext = calloc(1, plugin_dns.ext_size);
   struct packet k = {.src_port = 53,
                      .protocol = size > 0 && (data[0] & 1) != 0 ? IPPROTO_TCP : IPPROTO_UDP,
                      .payload = data,
                      .payload_captured = (uint32_t) size};
   if (plugin_dns.create(ext, NULL, &k) & PLUGIN_HAS_DATA) {
      memset(record, 0, tmplt->static_size);
      plugin_dns.fill(ext, 0, tmplt, record);
      if (!ur_rec_check(tmplt, record, ur_rec_size(tmplt, record))) {
         abort();
      }
   }
   free(ext);
   return 0;
}
