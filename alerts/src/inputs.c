/* SPDX-License-Identifier: BSD-3-Clause */
/** Whose alerts does an input carry? */
#include <nemea/event.h>
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
