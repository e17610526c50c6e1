/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: events in all formats. The first octet chooses the detector, the rest is its alert in JSON, or text that the event has as
 * its detail and its reason. No value may end a line, or begin a key of its own.
 */
#include "format.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DESCRIPTIONS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *reason;

static enum event_confidence confidence_of(const struct event *e)
{
   return (enum event_confidence)(e->amount % 3);
}

static void reason_of(const struct event *e, char *to, size_t size)
{
   (void) e;
   snprintf(to, size, "%s", reason);
}

static unsigned count(const char *text, size_t n, const char *what)
{
   unsigned found = 0;
   for (size_t i = 0; i + strlen(what) <= n; i++) {
      found += memcmp(text + i, what, strlen(what)) == 0;
   }
   return found;
}

/* Separators that are not escaped. */
static unsigned bare(const char *text, size_t n, char separator)
{
   unsigned found = 0;
   for (size_t i = 0; i < n; i++) {
      if (text[i] == '\\') {
         i++;
      } else {
         found += text[i] == separator;
      }
   }
   return found;
}

static void check(const struct event *e)
{
   static char text[FORMAT_MAX], line[FORMAT_MAX + 512];
   const struct format_options o = {.host = reason, .node = "a.b", .now = 1, .version = reason};
   for (unsigned f = 0; format_names[f] != NULL; f++) {
      size_t n = format_event((enum format) f, e, &o, text);
      if (n > FORMAT_MAX || memchr(text, '\n', n) != NULL || memchr(text, '\r', n) != NULL) {
         abort();
      }
      json_t *json = n > 0 && format_is_json((enum format) f) ? json_loadb(text, n, 0, NULL) : NULL;
      if (n > 0 && format_is_json((enum format) f) && !json_is_object(json)) {
         abort();
      }
      json_decref(json);
      if (f == FORMAT_CEF) {
         /* Seven separators of the header; behind them each '=' that is not escaped has a key of ours before it. */
         const char *extension = text;
         for (unsigned i = 0; i < 7; extension++) {
            i += *extension == '|';
            extension += *extension == '\\';
         }
         size_t left = n - (size_t) (extension - text);
         if (left > n || bare(extension, left, '=') < 6 || bare(extension, left, '=') > 30) {
            abort();
         }
      }
      if (f == FORMAT_LEEF && (count(text, n, "\t") > 24 || count(text, n, "|") < 5)) {
         abort();
      }
      size_t length = format_syslog(text, n, 16, 4, reason, 1, reason, line, sizeof(line));
      if (n > 0 && (length <= n || memchr(line, '\n', length) != NULL || count(line, 4, "<132") != 1)) {
         abort();
      }
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static const struct event_description made = {
       .program = "fuzz", .kind = "flood", .unit = "x", .confidence = confidence_of, .reason = reason_of};
   unsigned n = 0, choice = size > 0 ? data[0] : 0;
   while (event_descriptions[n] != NULL) {
      n++;
   }
   char *copy = calloc(1, size + 1);
   if (copy == NULL) {
      abort();
   }
   if (size > 1) {
      memcpy(copy, data + 1, size - 1);
   }
   reason = copy;
   struct event e = {.description = &made,
                     .kind = copy,
                     .title = copy,
                     .attack = copy,
                     .unit = "x",
                     .alerts = 1,
                     .amount = choice};
   snprintf(e.id, sizeof(e.id), "%032x", choice);
   memcpy(&e.source, e.id, sizeof(e.source));
   e.port = (uint16_t) (choice << 8);
   json_t *valid = json_string(copy); /* kinds and titles are our own: always UTF-8 */
   if (valid != NULL) {
      check(&e);
   }
   json_decref(valid);
   json_t *json = size > 0 ? json_loadb((const char *) data + 1, size - 1, 0, NULL) : NULL;
   struct event real;
   reason = "host";
   if (json_is_object(json) &&
       event_of_alert(event_descriptions[choice % n], &(struct alert){.json = json}, &real)) {
      check(&real);
   }
   json_decref(json);
   free(copy);
   return 0;
}
