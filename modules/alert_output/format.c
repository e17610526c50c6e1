/* SPDX-License-Identifier: BSD-3-Clause */
/** The formats by name. */
#include "format.h"

#include <jansson.h>
#include <nemea/idea.h>
#include <string.h>

const char *const format_names[] = {"eve", "ocsf", "cef", "leef", "idea", "event", NULL};

static json_t *json_of(enum format f, const struct event *e, const struct format_options *o)
{
   const struct idea_options idea = {.node = o->node, .now = ur_time_get_sec(o->now)};
   switch (f) {
   case FORMAT_EVE: return format_eve(e, o);
   case FORMAT_OCSF: return format_ocsf(e, o);
   case FORMAT_IDEA: return idea_of_event(e, &idea);
   default: return event_json(e);
   }
}

bool format_is_json(enum format f)
{
   return f != FORMAT_CEF && f != FORMAT_LEEF;
}

const char *format_content_type(enum format f)
{
   return format_is_json(f) ? "application/json" : "text/plain; charset=utf-8";
}

size_t format_event(enum format f, const struct event *e, const struct format_options *o, char to[FORMAT_MAX])
{
   if (f == FORMAT_CEF) {
      return format_cef(e, o, to, FORMAT_MAX);
   }
   if (f == FORMAT_LEEF) {
      return format_leef(e, o, to, FORMAT_MAX);
   }
   json_t *json = json_of(f, e, o);
   size_t n = json != NULL ? json_dumpb(json, to, FORMAT_MAX, JSON_COMPACT | JSON_REAL_PRECISION(15)) : 0;
   json_decref(json);
   return n <= FORMAT_MAX ? n : 0;
}

unsigned format_severity(const struct event *e)
{
   static const char *const severe[] = {"amplification", "botnet",  "dns-tunnel", "flood",
                                        "intrusion",     "malware", "toll-fraud"};
   static const char *const slight[] = {"backscatter", "block-scan", "dns-anomaly",  "horizontal-scan",
                                        "other",       "user-scan",  "vertical-scan"};
   for (size_t i = 0; i < sizeof(severe) / sizeof(severe[0]); i++) {
      if (strcmp(e->kind, severe[i]) == 0) {
         return event_confidence(e) == EVENT_LOW ? 2 : 3;
      }
   }
   for (size_t i = 0; i < sizeof(slight) / sizeof(slight[0]); i++) {
      if (strcmp(e->kind, slight[i]) == 0) {
         return 1;
      }
   }
   return event_confidence(e) == EVENT_LOW ? 1 : 2;
}
