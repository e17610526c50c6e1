/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: nemea.yaml. What is accepted is within its limits and fit for command lines; what is refused has a message. */
#include "run_config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
   if (text != NULL && run_config_bad_text(text) != NULL) {
      abort();
   }
}

static void check(const struct run_config *c)
{
   if (c->log_files == 0 || c->log_bytes == 0 || c->events_days == 0 || c->events_mb == 0 ||
       (c->tls_cert == NULL) != (c->tls_key == NULL)) {
      abort();
   }
   for (unsigned i = 0; i < c->n_sources; i++) {
      check_text(c->sources[i].value);
      if (c->sources[i].plugins != NULL && c->sources[i].kind == RUN_COLLECT) {
         abort();
      }
   }
   for (unsigned i = 0; i < c->n_detectors; i++) {
      check_text(c->detectors[i].options);
   }
   for (unsigned i = 0; i < c->n_networks; i++) {
      check_text(c->networks[i].label);
      check_text(c->networks[i].prefix);
   }
   check_text(c->flows);
   check_text(c->listen);
   check_text(c->state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct run_config c;
   char error[RUN_ERROR] = "";
   if (!run_config_init(&c)) {
      return 0;
   }
   bool good = run_config_read(&c, "fuzz", (const char *) data, size, error);
   if (good != (error[0] == 0)) {
      abort();
   }
   if (good) {
      check(&c);
   }
   run_config_free(&c);
   return 0;
}
