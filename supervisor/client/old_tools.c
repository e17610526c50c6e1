/* SPDX-License-Identifier: BSD-3-Clause */
#include "old_tools.h"

#include "connection.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_UNKNOWN 65

/* The answer to a code. \return NULL with a message */
static json_t *ask(const char *program, const char *socket, const char *code)
{
   int fd = connection_open(socket);
   char *text = fd >= 0 ? connection_ask(fd, code, 0) : NULL;
   if (text == NULL) {
      fprintf(stderr, "%s: cannot reach the supervisor on %s: %s\n", program, socket, strerror(errno));
   }
   if (fd >= 0) {
      close(fd);
   }
   json_t *o = text != NULL ? json_loads(text, 0, NULL) : NULL;
   if (text != NULL && o == NULL) {
      fprintf(stderr, "%s: the answer of the supervisor is not JSON\n", program);
   }
   free(text);
   return o;
}

/* ----------------------------------------------------------------------- Munin */

struct field {
   const char *key, *label;
   bool counter, percent;
};

static const struct field cpu[] = {{"CPU-s", "kernel mode", false, true},
                                   {"CPU-u", "user mode", false, true}},
                          memory[] = {{"MEM-vms", "virtual memory size", false, false},
                                      {"MEM-rss", "resident set size", false, false}},
                          input[] = {{"messages", "received messages", true, false},
                                     {"buffers", "received buffers", true, false}},
                          output[] = {{"sent-msg", "sent messages", true, false},
                                      {"drop-msg", "dropped messages", true, false},
                                      {"buffers", "sent buffers", true, false},
                                      {"autoflush", "autoflush", true, false}};

static long long number(const json_t *o, const char *key)
{
   return (long long) json_integer_value(json_object_get(o, key));
}

static void print_fields(const json_t *o, const struct field *fields, size_t n, bool config)
{
   for (size_t i = 0; i < n; i++) {
      if (!config) {
         printf("stat%zu.value %lld\n", i, number(o, fields[i].key));
      } else {
         printf("stat%zu.label %s\nstat%zu.type %s\nstat%zu.min 0\n", i, fields[i].label, i,
                fields[i].counter ? "DERIVE" : "GAUGE", i);
         if (fields[i].percent) {
            printf("stat%zu.max 100\n", i);
         }
      }
   }
   putchar('\n');
}

static void print_graph(const char *title, const char *unit)
{
   printf("graph_title %s\ngraph_vlabel %s\ngraph_category nemea_supervisor\n", title, unit);
}

/* One graph of all modules. */
static void print_all(const json_t *modules, const char *graph, const char *key, bool config)
{
   const char *name;
   json_t *o;
   printf("multigraph %s\n", graph);
   if (config) {
      bool is_cpu = strcmp(key, "CPU-u") == 0;
      const char *what = is_cpu                        ? "CPU usage"
                         : strcmp(key, "MEM-vms") == 0 ? "Virtual memory usage"
                                                       : "Resident set size";
      printf("graph_title %s of Nemea modules\ngraph_category nemea_supervisor\ngraph_vlabel %s\n"
             "graph_info %s%s of all running and monitored modules.\n",
             what, is_cpu ? "%" : "B", is_cpu ? "User " : "", what);
   }
   json_object_foreach((json_t *) modules, name, o)
   {
      if (!config) {
         printf("%s.value %lld\n", name, number(o, key));
         continue;
      }
      printf("%s.label ", name);
      for (const char *p = name; *p != 0; p++) {
         putchar(*p == '_' ? ' ' : *p);
      }
      printf("\n%s.min 0\n%s.type GAUGE\n%s.draw AREASTACK\n", name, name, name);
   }
   putchar('\n');
}

static void print_interfaces(const char *name, const json_t *o, bool out, bool config)
{
   size_t i;
   json_t *ifc;
   json_array_foreach(json_object_get(o, out ? "outputs" : "inputs"), i, ifc)
   {
      printf("multigraph %s_%sIFC%zu\n", name, out ? "OUT" : "IN", i);
      if (config) {
         const char *id = json_string_value(json_object_get(ifc, "ID"));
         printf("graph_title %s %s IFC %s\ngraph_vlabel count\ngraph_category nemea_supervisor\n", name,
                out ? "output" : "input", id != NULL ? id : "none");
      }
      print_fields(ifc, out ? output : input, out ? 4 : 2, config);
   }
}

static void print_module(const char *name, const json_t *o, bool config)
{
   char title[512];
   printf("multigraph %s_CPU\n", name);
   if (config) {
      (void) snprintf(title, sizeof(title), "%s CPU usage", name);
      print_graph(title, "%");
   }
   print_fields(o, cpu, 2, config);
   printf("multigraph %s_MEM\n", name);
   if (config) {
      (void) snprintf(title, sizeof(title), "%s Memory usage", name);
      print_graph(title, "B");
   }
   print_fields(o, memory, 2, config);
   print_interfaces(name, o, false, config);
   print_interfaces(name, o, true, config);
}

static long long sum_of(const json_t *modules, const char *list, const char *key)
{
   const char *name;
   json_t *o, *ifc;
   long long sum = 0;
   json_object_foreach((json_t *) modules, name, o)
   {
      size_t i;
      json_array_foreach(json_object_get(o, list), i, ifc)
      {
         sum += number(ifc, key);
      }
   }
   return sum;
}

static void print_totals(const json_t *modules, bool config)
{
   printf("%smultigraph nemea_ifcs_total\n", config ? "" : "\n");
   if (config) {
      print_graph("Total numbers of messages through all modules", "count");
      puts("sent.label sent messages\nsent.type DERIVE\nsent.min 0\nrecv.label received messages\nrecv.type "
           "DERIVE\n"
           "recv.max 0\ndrop.label dropped messages\ndrop.type DERIVE\ndrop.min 0\n");
   } else {
      printf("sent.value %lld\nrecv.value %lld\ndrop.value %lld\n", sum_of(modules, "outputs", "sent-msg"),
             -sum_of(modules, "inputs", "messages"), sum_of(modules, "outputs", "drop-msg"));
   }
}

/* Alerts are what reporters, whose names end in 2idea, have received. */
static void print_alerts(const json_t *modules, bool config)
{
   const char *name;
   json_t *o;
   bool any = false;
   json_object_foreach((json_t *) modules, name, o)
   {
      size_t n = strlen(name);
      const json_t *ifc = json_array_get(json_object_get(o, "inputs"), 0);
      if (n < 5 || strcmp(name + n - 5, "2idea") != 0 || ifc == NULL) {
         continue;
      }
      if (!any) {
         puts("multigraph nemea_alerts");
         if (config) {
            print_graph("Numbers of alerts", "count");
         }
      }
      any = true;
      if (config) {
         printf("%s.label %s\n%s.type DERIVE\n%s.min 0\n", name, name, name, name);
      } else {
         printf("%s.value %lld\n", name, number(ifc, "messages"));
      }
   }
   if (any) {
      putchar('\n');
   }
}

int old_munin_argument(const char *program, int argc, char **argv, bool *config)
{
   const char *what = argc > 1 ? argv[1] : "";
   *config = strcmp(what, "config") == 0;
   if (strcmp(what, "autoconf") == 0 || strcmp(what, "suggest") == 0) {
      puts(strcmp(what, "autoconf") == 0 ? "yes" : "");
      return EXIT_SUCCESS;
   }
   if (argc > 2 || (*what != 0 && !*config)) {
      bool help = argc == 2 && (strcmp(what, "-h") == 0 || strcmp(what, "--help") == 0);
      fprintf(help ? stdout : stderr, "usage: %s\n", program);
      return help ? EXIT_SUCCESS : 2;
   }
   return -1;
}

int old_munin(const char *socket, int argc, char **argv)
{
   const char *name;
   bool config;
   int status =
       old_munin_argument("nemea_supervisor [config|autoconf|suggest]\n\nA plugin of Munin. $socket: "
                          "path of the supervisor's socket",
                          argc, argv, &config);
   if (status >= 0) {
      return status;
   }
   json_t *modules = ask("nemea_supervisor", socket, "456987\n"), *o;
   if (modules == NULL || json_object_size(modules) == 0) {
      json_decref(modules);
      return EXIT_FAILURE;
   }
   print_all(modules, "nemea_modules_cpu", "CPU-u", config);
   print_all(modules, "nemea_modules_mem_vms", "MEM-vms", config);
   print_all(modules, "nemea_modules_mem_rss", "MEM-rss", config);
   json_object_foreach(modules, name, o)
   {
      print_module(name, o, config);
   }
   print_alerts(modules, config);
   print_totals(modules, config);
   json_decref(modules);
   return EXIT_SUCCESS;
}

/* ------------------------------------------------------------- nemea-modulesinfo */

int old_modulesinfo(const char *socket, int argc, char **argv)
{
   int status = EXIT_SUCCESS;
   if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
      puts("usage: nemea-modulesinfo [NAME...]\n\nPrints what \"supcli -i\" says of all modules, or of those "
           "named. Exit status: 0; "
           "1: the supervisor cannot\nbe reached; 65: there is no such module.");
      return EXIT_SUCCESS;
   }
   json_t *all = ask("nemea-modulesinfo", socket, "113366\n"), *chosen = json_object();
   if (all == NULL) {
      json_decref(chosen);
      return EXIT_FAILURE;
   }
   for (int i = 1; i < argc; i++) {
      json_t *o = json_object_get(all, argv[i]);
      if (o == NULL) {
         fprintf(stderr, "nemea-modulesinfo: no module is named \"%s\"\n", argv[i]);
         status = EXIT_UNKNOWN;
      } else {
         json_object_set(chosen, argv[i], o);
      }
   }
   const json_t *only = argc == 2 ? json_object_get(chosen, argv[1]) : NULL;
   if (argc < 3 || json_object_size(chosen) > 0) {
      const json_t *shown = argc == 1 ? all : argc == 2 ? only : chosen;
      if (shown != NULL) {
         json_dumpf(shown, stdout, JSON_INDENT(4) | JSON_SORT_KEYS);
         putchar('\n');
      }
   }
   json_decref(all);
   json_decref(chosen);
   return status;
}
