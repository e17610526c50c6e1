/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERFACE_MAX 15 /* bytes of the name of an interface, of the kernel */
#define TEXT_MAX      1024

bool run_config_init(struct run_config *c)
{
   *c = (struct run_config){.events_days = 365, .events_mb = 2000, .log_bytes = 10000000, .log_files = 5};
   c->flows = strdup("24h/10GB");
   return c->flows != NULL;
}

void run_config_free(struct run_config *c)
{
   for (unsigned i = 0; i < c->n_sources; i++) {
      free(c->sources[i].value);
      free(c->sources[i].plugins);
   }
   for (unsigned i = 0; i < c->n_detectors; i++) {
      free(c->detectors[i].options);
   }
   for (unsigned i = 0; i < c->n_networks; i++) {
      free(c->networks[i].label);
      free(c->networks[i].prefix);
   }
   for (unsigned i = 0; i < c->n_geoip; i++) {
      free(c->geoip[i]);
   }
   char *texts[] = {c->reporting, c->flows, c->listen, c->tls_cert, c->tls_key, c->state, c->user};
   for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
      free(texts[i]);
   }
   free(c->networks);
   memset(c, 0, sizeof(*c));
}

const char *run_config_bad_text(const char *text)
{
   if (*text == 0) {
      return "the value is empty";
   }
   if (strlen(text) > TEXT_MAX) {
      return "the value is longer than 1024 bytes";
   }
   for (const char *p = text; *p != 0; p++) {
      if (iscntrl((unsigned char) *p)) {
         return "the value has a control character";
      }
   }
   return strchr(text, '\'') != NULL && strchr(text, '"') != NULL ? "the value has both kinds of quotes"
                                                                  : NULL;
}

/* "PORT", "ADDRESS:PORT", "[ADDRESS]:PORT": which address it is, flow_collector finds out. */
static bool is_port(const char *text)
{
   const char *colon = strrchr(text, ':'), *port = colon != NULL ? colon + 1 : text;
   char *end = NULL;
   unsigned long n = strtoul(port, &end, 10);
   return isdigit((unsigned char) *port) && *end == 0 && n >= 1 && n <= 65535 && colon != text &&
          text[strspn(text, "0123456789abcdefABCDEF.:[]")] == 0;
}

struct run_source *run_config_source(struct run_config *c, enum run_source_kind kind, const char *value,
                                     char *error, size_t size)
{
   const char *bad = run_config_bad_text(value);
   if (c->n_sources == RUN_SOURCES) {
      snprintf(error, size, "more than %d sources", RUN_SOURCES);
   } else if (bad != NULL) {
      snprintf(error, size, "%s", bad);
   } else if (kind == RUN_INTERFACE && (strlen(value) > INTERFACE_MAX || strpbrk(value, "/ '\"") != NULL)) {
      snprintf(error, size, "\"%.64s\" (expected the name of an interface, such as eth0)", value);
   } else if (kind == RUN_COLLECT && !is_port(value)) {
      snprintf(error, size, "\"%.64s\" (expected a port from 1 to 65535, or ADDRESS:PORT)", value);
   } else {
      struct run_source *s = &c->sources[c->n_sources];
      *s = (struct run_source){.kind = kind, .value = strdup(value)};
      if (s->value != NULL) {
         c->n_sources++;
         return s;
      }
      snprintf(error, size, "out of memory");
   }
   return NULL;
}
