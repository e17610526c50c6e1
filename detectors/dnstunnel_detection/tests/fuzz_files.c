/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: files of dnstunnel_detection. The first byte chooses: domains, addresses, packets. */
#include "../tunnel.h"

#include <nemea/module_test.h>
#include <stdlib.h>

extern const nm_module_def_t nm_definition;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_packets(FILE *file)
{
   char *line = NULL;
   size_t size = 0;
   while (getline(&line, &size, file) > 0) {
      struct message m;
      size_t sum = 0;
      if (packet_parse(line, &m)) {
         for (unsigned i = 0; i < 4; i++) {
            sum += m.answers[i].length > 0 ? strlen(m.answers[i].data) : 0;
         }
         if (sum + m.name.length > size) {
            abort(); /* texts lie in the line */
         }
      }
   }
   free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   if (size < 2) {
      return 0;
   }
   nm_test_t *t = nm_test_new(&nm_definition, "-E - --capacity 4 --names 8");
   FILE *file = fmemopen((void *) (uintptr_t) (data + 1), size - 1, "r");
   if (t == NULL || file == NULL) {
      abort();
   }
   if (data[0] % 3 == 2) {
      check_packets(file);
   } else {
      ip_addr_t ip = ip_from_int(0x0a000001);
      struct whitelist *w = data[0] % 3 == 0 ? whitelist_domains(nm_test_module(t), file, "fuzz")
                                             : whitelist_addresses(nm_test_module(t), file, "fuzz");
      if (w != NULL) {
         whitelist_has_name(w, (const char *) data, (uint32_t) size);
         whitelist_has_address(w, &ip);
      }
      whitelist_free(w);
   }
   fclose(file);
   nm_test_free(t);
   return 0;
}
