/* SPDX-License-Identifier: BSD-3-Clause */
/** A request of a client to a supervisor that has two modules, and the same bytes as the answer of a module. */
#include "daemon.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char document[] = "<nemea-supervisor><modules><name>p</name><enabled>true</"
                               "enabled><module><name>a</name><enabled>false</enabled><path>a</path></module>"
                               "<module><name>b_logger</name><enabled>false</enabled><path>b</path></"
                               "module></modules></nemea-supervisor>";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static struct daemon d = {
       .template = "/nonexistent.xml", .logs = "/nonexistent", .socket = "s", .configs = "/nonexistent"};
   uint32_t n = 0;
   if (d.config == NULL && !modules_apply(&d, config_load_text("t.xml", document, strlen(document)), NULL)) {
      abort();
   }
   for (enum role role = ROLE_READ; role <= ROLE_CONTROL; role++) {
      struct client c = {.role = role};
      json_t *answer = command_run(&d, &c, (const char *) data, size);
      char *text = json_dumps(answer, 0);
      if (text == NULL || !json_is_boolean(json_object_get(answer, "ok"))) {
         abort();
      }
      free(text);
      json_decref(answer);
   }
   struct ifc_stats *ifcs = service_parse((const char *) data, size, &n);
   if (ifcs != NULL && n > STATS_INTERFACES) {
      abort();
   }
   service_free(ifcs, n);
   return 0;
}
