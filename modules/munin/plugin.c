/* SPDX-License-Identifier: BSD-3-Clause */
/** Munin plugins. The name says what is shown: proto_traffic_bytes, proto_traffic_flows, proto_traffic_packets. */
#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_usage(const struct munin_plugin *p)
{
   printf("usage: %sbytes|%sflows|%spackets [autoconf|suggest|config]\n\n"
          "Munin plugin: counters as the module %s counts them.\n"
          "Environment: socket=PATH  the module's socket (default %s)\n%s",
          p->name, p->name, p->name, p->module, p->socket, p->environment != NULL ? p->environment : "");
}

static int error(const struct munin_plugin *p, const char *path, const char *what)
{
   fprintf(stderr, "%s: socket %s: %s\n", p->name, path, what);
   return EXIT_FAILURE;
}

static int by_name(const void *a, const void *b)
{
   return strcmp(((const struct munin_column *) a)->name, ((const struct munin_column *) b)->name);
}

/* Leaves the columns NAME-WHAT, as NAME. \return their number */
static int choose(const char *what, struct munin_column *columns, int n)
{
   int chosen = 0;
   for (int i = 0; i < n; i++) {
      const char *kind = munin_split(columns[i].name);
      if (kind != NULL && strcmp(kind, what) == 0) {
         columns[chosen++] = columns[i];
      }
   }
   qsort(columns, (size_t) chosen, sizeof(*columns), by_name);
   return chosen;
}

static int show(const struct munin_plugin *p, const char *what, const char *command)
{
   static char text[MUNIN_MAX_TEXT];
   static struct munin_column columns[MUNIN_MAX_COLUMNS];
   const char *path = getenv("socket");
   path = path != NULL ? path : p->socket;
   const char *reason = munin_read(path, text);
   if (reason != NULL) {
      return error(p, path, reason);
   }
   int n = munin_columns(text, columns);
   n = n > 0 ? choose(what, columns, n) : 0;
   bool good = n > 0 && (strcmp(command, "config") == 0 ? p->config(what, columns, n)
                                                        : *command != 0 || p->values(columns, n));
   if (!good) {
      return error(p, path, "the answer is not a line of names and a line of values");
   }
   return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int munin_plugin(const struct munin_plugin *p, int argc, char **argv)
{
   const char *command = argc > 1 ? argv[1] : "", *end = strrchr(argv[0], '_');
   const char *what = end != NULL ? end + 1 : "";
   if (strcmp(command, "autoconf") == 0) {
      puts("yes");
      return EXIT_SUCCESS;
   }
   if (strcmp(command, "-h") == 0 || strcmp(command, "--help") == 0) {
      put_usage(p);
      return EXIT_SUCCESS;
   }
   if (strcmp(command, "suggest") == 0) {
      puts("packets\nflows\nbytes");
      return EXIT_SUCCESS;
   }
   if (strcmp(what, "bytes") != 0 && strcmp(what, "flows") != 0 && strcmp(what, "packets") != 0) {
      fprintf(stderr, "%s: the name must end in _bytes, _flows or _packets\n", argv[0]);
      return EXIT_FAILURE;
   }
   return show(p, what, command);
}
