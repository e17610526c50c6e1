/* SPDX-License-Identifier: BSD-3-Clause */
/** Whose alerts does an input carry, and which event is each of its messages? */
#include <jansson.h>
#include <nemea/alert_input.h>
#include <stdio.h>
#include <string.h>

/* Does a format have all fields of another? They may differ in type: values are read by name. */
static bool has_fields(const ur_layout_t *format, const char *fields, int *n)
{
   ur_layout_t *wanted = ur_layout_create(fields);
   bool all = wanted != NULL;
   *n = all ? ur_layout_count(wanted) : 0;
   for (int i = 0; all && i < *n; i++) {
      all = ur_layout_find(format, ur_layout_name(wanted, i)) >= 0;
   }
   ur_layout_free(wanted);
   return all;
}

/* The detector whose alerts have most of the fields of a format. \return NULL: there is none, or there are several */
static const struct event_description *by_format(const ur_layout_t *format)
{
   const struct event_description *const *const lists[] = {event_descriptions, event_foreign_descriptions};
   const struct event_description *best = NULL;
   int most = 0, n;
   for (unsigned k = 0; k < 2; k++) {
      for (const struct event_description *const *d = lists[k]; *d != NULL; d++) {
         if ((*d)->json == NULL && has_fields(format, (*d)->fields, &n) && n >= most) {
            best = n > most ? *d : NULL;
            most = n;
         }
      }
   }
   return best;
}

static const struct event_description *by_json(const char *format)
{
   for (const struct event_description *const *d = event_foreign_descriptions; *d != NULL; d++) {
      if ((*d)->json != NULL && strcmp((*d)->json, format) == 0) {
         return *d;
      }
   }
   return NULL;
}

/* "ddos_detector:resume=store", "/path/ddos_detector.trapcap" */
static const struct event_description *by_interface(const char *spec)
{
   char name[256];
   size_t n = strcspn(spec, ":");
   const char *base = spec;
   for (size_t i = 0; i < n; i++) {
      base = spec[i] == '/' ? spec + i + 1 : base;
   }
   n -= (size_t) (base - spec);
   if (n >= sizeof(name)) {
      return NULL;
   }
   memcpy(name, base, n);
   name[n] = 0;
   name[strcspn(name, ".")] = 0; /* the ending of a file */
   return event_description_find(name);
}

const struct event_description *event_description_of_input(const char *spec, const ur_layout_t *layout,
                                                           const char *json)
{
   const struct event_description *d = by_interface(spec);
   return d != NULL ? d : layout != NULL ? by_format(layout) : by_json(json);
}

bool alert_inputs_name(struct alert_input *inputs, unsigned n, const char *names, char why[ALERT_INPUT_WHY])
{
   unsigned named = 0;
   for (const char *p = names; p != NULL; named++) {
      char name[128];
      size_t length = strcspn(p, ",");
      snprintf(name, sizeof(name), "%.*s", (int) (length < sizeof(name) ? length : sizeof(name) - 1), p);
      const struct event_description *d = event_description_find(name);
      if (d == NULL) {
         snprintf(why, ALERT_INPUT_WHY,
                  "\"%s\" is no detector whose alerts are known (nemea analyze --list-detectors)", name);
         return false;
      }
      if (named < n) {
         inputs[named].named = d;
      }
      p = p[length] == ',' ? p + length + 1 : NULL;
   }
   if (named != 0 && named != n) {
      snprintf(why, ALERT_INPUT_WHY, "%u names for %u inputs", named, n);
      return false;
   }
   return true;
}

bool alert_input_format(struct alert_input *in, const char *spec, bool json, const char *format,
                        char why[ALERT_INPUT_WHY])
{
   ur_layout_free(in->layout);
   in->layout = json ? NULL : ur_layout_create(format);
   if (!json && in->layout == NULL) {
      snprintf(why, ALERT_INPUT_WHY, "input %s: expected alerts, the sender has other data", spec);
      return false;
   }
   in->description = in->named != NULL ? in->named : event_description_of_input(spec, in->layout, format);
   if (in->description == NULL) {
      snprintf(why, ALERT_INPUT_WHY,
               "input %s: whose alerts these are cannot be told from their format \"%s\": name the "
               "detectors of all inputs with --detectors",
               spec, format);
   }
   return in->description != NULL;
}

enum alert_result alert_input_read(const struct alert_input *in, const void *data, size_t size,
                                   struct event *e)
{
   struct alert alert = {.layout = in->layout};
   json_t *json = NULL;
   if (in->layout != NULL) {
      if (size > UINT32_MAX || !ur_layout_check(in->layout, data, (uint32_t) size)) {
         return ALERT_INVALID;
      }
      alert.rec = data;
   } else {
      alert.json = json = json_loadb(data, size, 0, NULL);
      if (!json_is_object(json)) {
         json_decref(json);
         return ALERT_INVALID;
      }
   }
   bool is_event = event_of_alert(in->description, &alert, e);
   json_decref(json);
   return is_event ? ALERT_EVENT : ALERT_IGNORED;
}

void alert_inputs_free(struct alert_input *inputs, unsigned n)
{
   for (unsigned i = 0; inputs != NULL && i < n; i++) {
      ur_layout_free(inputs[i].layout);
   }
}
