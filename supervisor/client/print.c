/* SPDX-License-Identifier: BSD-3-Clause */
#include "print.h"

#include <nemea-common/nc_text.h>
#include <string.h>

void print_padded(FILE *to, const char *text, int width)
{
   char plain[512];
   text = text != NULL ? text : "-";
   nc_text_terminal(plain, sizeof(plain), text, strlen(text));
   fprintf(to, "%-*s%s", width, plain, width > 0 ? " " : "");
}

const char *print_text_of(const json_t *o, const char *key)
{
   return json_string_value(json_object_get(o, key));
}

static long long integer_of(const json_t *o, const char *key)
{
   return (long long) json_integer_value(json_object_get(o, key));
}

static double number_of(const json_t *o, const char *key)
{
   return json_number_value(json_object_get(o, key));
}

void print_short(char to[16], double value)
{
   static const char units[] = "\0kMGTPE";
   size_t unit = 0;
   while (value >= 999.95 && unit < sizeof(units) - 2) {
      value /= 1000;
      unit++;
   }
   (void) snprintf(to, 16, value < 10 && value > 0 ? "%.1f%.1s" : "%.0f%.1s", value, &units[unit]);
}

void print_lines(const json_t *list, const char *prefix, FILE *to)
{
   size_t i;
   json_t *o;
   char plain[8192];
   json_array_foreach(list, i, o)
   {
      const char *text = json_string_value(o);
      if (text != NULL) {
         nc_text_terminal(plain, sizeof(plain), text, strlen(text));
         fprintf(to, "%s%s\n", prefix, plain);
      }
   }
}

static void exit_text(const json_t *e, char *to, size_t size)
{
   const json_t *status = json_object_get(e, "status"), *sig = json_object_get(e, "signal");
   const json_t *number = sig != NULL ? sig : status;
   if (number == NULL) {
      (void) snprintf(to, size, "%s", json_is_object(e) ? "unknown" : "-");
   } else {
      (void) snprintf(to, size, "%s %d", sig != NULL ? "signal" : "status", (int) json_integer_value(number));
   }
}

static double sum_of(const json_t *o, const char *list, const char *key)
{
   size_t i;
   json_t *ifc;
   double sum = 0;
   json_array_foreach(json_object_get(o, list), i, ifc)
   {
      sum += number_of(ifc, key);
   }
   return sum;
}

void print_status(const json_t *list)
{
   size_t i;
   json_t *o;
   printf("%-28s %-9s %-8s %-9s %-12s %7s %7s %7s %s\n", "MODULE", "STATE", "PID", "RESTARTS", "LAST EXIT",
          "IN/s", "OUT/s", "DROP/s", "SANDBOX");
   json_array_foreach(list, i, o)
   {
      char in[16], out[16], dropped[16];
      print_short(in, sum_of(o, "inputs", "rate"));
      print_short(out, sum_of(o, "outputs", "rate"));
      print_short(dropped, sum_of(o, "inputs", "drop_rate") + sum_of(o, "outputs", "drop_rate"));
      print_padded(stdout, print_text_of(o, "name"), 28);
      print_padded(stdout, print_text_of(o, "state"), 9);
      printf("%-8lld %-9lld ", integer_of(o, "pid"), integer_of(o, "restarts"));
      char text[32];
      const json_t *sandbox = json_object_get(o, "sandbox");
      exit_text(json_object_get(o, "last_exit"), text, sizeof(text));
      printf("%-12s %7s %7s %7s %s\n", text, in, out, dropped,
             !json_is_object(sandbox)                       ? "-"
             : json_is_true(json_object_get(sandbox, "on")) ? "on"
                                                            : "off");
   }
}

/* How full the fullest queue of an output is, percent. */
static double fill_of(const json_t *o)
{
   size_t i;
   json_t *ifc;
   double most = 0;
   json_array_foreach(json_object_get(o, "outputs"), i, ifc)
   {
      double size = number_of(ifc, "queue_bytes"),
             fill = size > 0 ? number_of(ifc, "queued_bytes") * 100 / size : 0;
      most = fill > most ? fill : most;
   }
   return most;
}

void print_top(const json_t *list)
{
   size_t i;
   json_t *o;
   double cpu = 0, memory = 0;
   printf("%-28s %-9s %6s %7s %7s %7s %7s %6s\n", "MODULE", "STATE", "CPU%", "MEMORY", "IN/s", "OUT/s",
          "DROP/s", "QUEUE");
   json_array_foreach(list, i, o)
   {
      char in[16], out[16], dropped[16], bytes[16];
      print_short(in, sum_of(o, "inputs", "rate"));
      print_short(out, sum_of(o, "outputs", "rate"));
      print_short(dropped, sum_of(o, "inputs", "drop_rate") + sum_of(o, "outputs", "drop_rate"));
      print_short(bytes, number_of(o, "memory"));
      cpu += number_of(o, "cpu");
      memory += number_of(o, "memory");
      print_padded(stdout, print_text_of(o, "name"), 28);
      print_padded(stdout, print_text_of(o, "state"), 9);
      printf("%6.1f %7s %7s %7s %7s %5.0f%%\n", number_of(o, "cpu") * 100, bytes, in, out, dropped,
             fill_of(o));
   }
   char bytes[16];
   print_short(bytes, memory);
   printf("%-28s %-9s %6.1f %7s\n", "all", "", cpu * 100, bytes);
}

void print_reload(const json_t *result)
{
   static const char *const keys[] = {"added", "removed", "restarted", "changed"};
   print_lines(json_object_get(result, "warnings"), "warning: ", stderr);
   for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
      char prefix[32];
      snprintf(prefix, sizeof(prefix), "%-10s", keys[i]);
      print_lines(json_object_get(result, keys[i]), prefix, stdout);
   }
   printf("%zu modules unchanged\n", json_array_size(json_object_get(result, "unchanged")));
}

void print_diff(const json_t *list)
{
   size_t i;
   json_t *o;
   json_array_foreach(list, i, o)
   {
      print_padded(stdout, print_text_of(o, "change"), 8);
      print_padded(stdout, print_text_of(o, "module"), 28);
      printf("%s\n", print_text_of(o, "what"));
   }
}

void print_check(const json_t *result)
{
   print_lines(json_object_get(result, "errors"), "error: ", stderr);
   print_lines(json_object_get(result, "warnings"), "warning: ", stderr);
   if (integer_of(result, "more") > 0) {
      fprintf(stderr, "and %lld more\n", integer_of(result, "more"));
   }
   printf("%lld modules, %lld errors, %lld warnings\n", integer_of(result, "modules"),
          integer_of(result, "n_errors"), integer_of(result, "n_warnings"));
}

void print_events(const json_t *result)
{
   size_t i;
   json_t *o;
   json_array_foreach(json_object_get(result, "events"), i, o)
   {
      print_padded(stdout, print_text_of(o, "time"), 25);
      print_padded(stdout, print_text_of(o, "event"), 10);
      print_padded(stdout, json_object_get(o, "module") != NULL ? print_text_of(o, "module") : "", 24);
      print_padded(stdout, print_text_of(o, "text"), 0);
      putchar('\n');
   }
   fflush(stdout);
}

static void print_log(const json_t *log, const char *name)
{
   const char *error = print_text_of(log, "error");
   printf("==> %s%s%s <==\n", name, error != NULL ? ": " : "", error != NULL ? error : "");
   print_lines(json_object_get(log, "lines"), "", stdout);
}

void print_logs(const json_t *result)
{
   static const char *const names[] = {"supervisor", "stdout", "stderr"};
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      if (json_object_get(result, names[i]) != NULL) {
         print_log(json_object_get(result, names[i]), names[i]);
      }
   }
}

void print_members(const json_t *result)
{
   const char *key;
   json_t *o;
   json_object_foreach((json_t *) result, key, o)
   {
      printf("%-16s ", key);
      if (json_is_string(o)) {
         print_padded(stdout, json_string_value(o), 0);
         putchar('\n');
      } else {
         printf("%lld\n", (long long) json_integer_value(o));
      }
   }
}
