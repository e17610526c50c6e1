/* SPDX-License-Identifier: BSD-3-Clause */
/** Events of the store as text, CSV, JSON lines and IDEA; times of the command line. */
#include "alerts.h"

#include <nemea-common/nc_text.h>
#include <nemea/event.h>
#include <nemea/idea.h>
#include <nemea/text.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHOWN_PARTS 20

/* ----------------------------------------------------------------------- texts */

static const char *text_of(const json_t *object, const char *key)
{
   const char *text = json_string_value(json_object_get(object, key));
   return text != NULL ? text : "";
}

/* What the store says is shown on terminals: nothing in it is obeyed by them. */
static char *safe(const char *text, char *to, size_t size)
{
   nc_text_terminal(to, size, text, strlen(text));
   return to;
}

/* "2026-01-02T03:04:05.678901Z" to "2026-01-02 03:04:05" */
static char *short_time(const char *rfc3339, char to[24])
{
   snprintf(to, 24, "%.19s", rfc3339);
   if (strlen(to) > 10) {
      to[10] = ' ';
   }
   return to;
}

static bool text_line(const json_t *row, FILE *to)
{
   const json_t *event = json_object_get(row, "event"), *text = json_object_get(row, "text");
   char begin[24], title[256], source[128], target[512], amount[128], state[32];
   safe(text_of(event, "state"), state, sizeof(state));
   return fprintf(to, "%.8s  %s  %-6.6s  %s: %s against %s, %s%s%s%s\n", text_of(event, "id"),
                  short_time(text_of(event, "begin"), begin), text_of(event, "confidence"),
                  safe(text_of(text, "title"), title, sizeof(title)),
                  safe(text_of(text, "source"), source, sizeof(source)),
                  safe(text_of(text, "target"), target, sizeof(target)),
                  safe(text_of(text, "amount"), amount, sizeof(amount)),
                  strcmp(state, "new") == 0 ? "" : " [", strcmp(state, "new") == 0 ? "" : state,
                  strcmp(state, "new") == 0 ? "" : "]") > 0;
}

/* ------------------------------------------------------------------------- CSV */

static void put_hosts(const json_t *hosts, FILE *to)
{
   size_t i;
   json_t *host;
   json_int_t others = 0, named = 0;
   fputc(',', to);
   json_array_foreach(hosts, i, host)
   {
      const char *ip = json_string_value(json_object_get(host, "ip"));
      others += json_integer_value(json_object_get(host, "count"));
      if (ip != NULL) {
         char address[64];
         fprintf(to, "%s%s", named++ > 0 ? " " : "", safe(ip, address, sizeof(address)));
      }
   }
   fputc(',', to);
   if (others > 0) {
      fprintf(to, "%lld", (long long) others);
   }
}

static void put_list(const json_t *list, FILE *to)
{
   size_t i;
   json_t *item;
   char word[64];
   fputc(',', to);
   json_array_foreach(list, i, item)
   {
      if (json_is_integer(item)) {
         fprintf(to, "%s%lld", i > 0 ? " " : "", (long long) json_integer_value(item));
      } else if (json_is_string(item)) {
         fprintf(to, "%s%s", i > 0 ? " " : "", safe(json_string_value(item), word, sizeof(word)));
      }
   }
}

static void put_number(const json_t *event, const char *key, FILE *to)
{
   const json_t *value = json_object_get(event, key);
   fputc(',', to);
   if (json_is_integer(value)) {
      fprintf(to, "%lld", (long long) json_integer_value(value));
   }
}

static bool put_text(const char *text, FILE *to)
{
   char *column = malloc(NC_CSV_BOUND(strlen(text)));
   if (column == NULL) {
      return false;
   }
   *nc_csv_string(column, text, strlen(text), true) = 0;
   fprintf(to, ",%s", column);
   free(column);
   return true;
}

/* The columns of analyze --csv, and the note. */
static bool csv_line(const json_t *row, FILE *to)
{
   static const char *const texts[] = {"kind", "detector", "begin", "end"}, *const numbers[] = {
                                                                                "protocol", "flows",
                                                                                "packets", "bytes"};
   const json_t *event = json_object_get(row, "event");
   bool good = true;
   fputs(text_of(event, "id"), to);
   for (size_t i = 0; i < 4; i++) {
      fprintf(to, ",%s", text_of(event, texts[i]));
   }
   put_hosts(json_object_get(event, "sources"), to);
   put_hosts(json_object_get(event, "targets"), to);
   put_list(json_object_get(event, "ports"), to);
   for (size_t i = 0; i < 4; i++) {
      put_number(event, numbers[i], to);
   }
   fprintf(to, ",%s", text_of(event, "confidence"));
   good = put_text(text_of(event, "reason"), to);
   put_list(json_object_get(event, "attack"), to);
   fprintf(to, ",%s", text_of(event, "state"));
   put_number(event, "alerts", to);
   good = put_text(text_of(row, "note"), to) && good;
   fputc('\n', to);
   return good;
}

/* ------------------------------------------------------------------------ forms */

void alerts_heading(enum alerts_form form, FILE *to)
{
   if (form == FORM_CSV) {
      fputs("id,kind,detector,begin,end,sources,sources_count,targets,targets_count,ports,protocol,flows,"
            "packets,bytes,"
            "confidence,reason,attack,state,alerts,note\n",
            to);
   }
}

static bool json_line(const json_t *value, FILE *to)
{
   return value != NULL && json_dumpf(value, to, JSON_COMPACT) == 0 && fputc('\n', to) != EOF;
}

static bool idea_line(const json_t *event, FILE *to)
{
   enum idea_result result = IDEA_OK;
   json_t *message = idea_of_event_json(event, &(struct idea_options){.node = NULL}, &result);
   bool good = json_line(message, to);
   json_decref(message);
   return good;
}

bool alerts_line(enum alerts_form form, const json_t *row, FILE *to)
{
   switch (form) {
   case FORM_CSV: return csv_line(row, to);
   case FORM_IDEA: return idea_line(json_object_get(row, "event"), to);
   case FORM_JSON: return json_line(json_object_get(row, "event"), to);
   default: return text_line(row, to);
   }
}

static void put_row(const char *name, const char *text, FILE *to)
{
   char line[4096];
   if (*text != 0) {
      fprintf(to, "  %-12s %s\n", name, safe(text, line, sizeof(line)));
   }
}

/* Scans that were joined to the event, or the run that it is a part of. */
static void put_parts(const json_t *row, const json_t *event, FILE *to)
{
   const json_t *parts = json_object_get(event, "parts"), *part;
   char line[2048];
   size_t i;
   put_row("part of", text_of(row, "run"), to);
   json_array_foreach(parts, i, part)
   {
      if (i == SHOWN_PARTS) {
         fprintf(to, "  %-12s and %zu more (--json)\n", "", json_array_size(parts) - i);
         break;
      }
      snprintf(line, sizeof(line), "%.8s %s", text_of(part, "id"), text_of(part, "reason"));
      put_row(i == 0 ? "joined of" : " ", line, to);
   }
}

void alerts_details(const json_t *row, FILE *to)
{
   const json_t *event = json_object_get(row, "event"), *text = json_object_get(row, "text");
   char begin[24], end[24], when[64], sure[2048];
   fprintf(to, "%s\n", safe(text_of(text, "title"), sure, sizeof(sure)));
   snprintf(when, sizeof(when), "%s to %s UTC", short_time(text_of(event, "begin"), begin),
            short_time(text_of(event, "end"), end));
   put_row("id", text_of(event, "id"), to);
   put_row("when", when, to);
   put_row("source", text_of(text, "source"), to);
   put_row("target", text_of(text, "target"), to);
   put_row("amount", text_of(text, "amount"), to);
   put_row("how sure", text_of(event, "confidence"), to);
   put_row("why", text_of(event, "reason"), to);
   put_row("detector", text_of(event, "detector"), to);
   put_row("state", text_of(event, "state"), to);
   put_row("note", text_of(row, "note"), to);
   put_parts(row, event, to);
}

/* ----------------------------------------------------------------------- times */

/* "90s", "15m", "2h", "7d": so long ago. */
static bool ago(const char *text, double *seconds)
{
   char *end;
   double n = strtod(text, &end);
   double unit = *end == 's' ? 1 : *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 0;
   if (*text < '0' || *text > '9' || unit == 0 || end[1] != 0 || n * unit > 1e10) {
      return false;
   }
   *seconds = (double) time(NULL) - n * unit;
   return true;
}

bool alerts_time(const char *text, double *seconds)
{
   static const char rest[] = "0000-00-00T00:00:00";
   char full[64];
   size_t n = strlen(text);
   ur_time_t t;
   if (ago(text, seconds)) {
      return true;
   }
   if (n >= sizeof(full) || (n != 10 && n != 16 && n < 19)) {
      return false;
   }
   snprintf(full, sizeof(full), "%s%s", text, n < 19 ? rest + n : "");
   full[10] = full[10] == ' ' ? 'T' : full[10];
   if (ur_time_from_string(&t, full) != 0) {
      return false;
   }
   uint64_t us = ur_time_get_usec(t);
   *seconds = (double) ur_time_get_sec(t) + (double) us / 1e6;
   return true;
}
