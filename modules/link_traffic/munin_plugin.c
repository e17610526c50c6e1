/* SPDX-License-Identifier: BSD-3-Clause */
/** Munin plugin of link_traffic: a link is a graph that goes up for what comes in and down for what goes out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../munin/plugin.h"

/* Splits "nix2-in" into link and direction. \return the direction; NULL: it is neither in nor out */
static const char *split(struct munin_column *column)
{
   const char *direction = munin_split(column->name);
   return direction != NULL && (strcmp(direction, "in") == 0 || strcmp(direction, "out") == 0) ? direction
                                                                                               : NULL;
}

static void put_link(const char *link, bool out)
{
   if (!out) {
      printf("%sin.label %s\n%sin.graph no\n%sin.type DERIVE\n%sin.min 0\n", link, link, link, link, link);
   } else {
      printf("%sout.label %s\n%sout.negative %sin\n%sout.type DERIVE\n%sout.min 0\n", link, link, link, link,
             link, link);
   }
}

/* Without directions there is no outgoing graph that the incoming one could be the other half of. */
static void put_lone_link(const char *link)
{
   printf("%sin.label %s\n%sin.type DERIVE\n%sin.min 0\n", link, link, link, link);
}

static bool put_config(const char *what, struct munin_column *columns, int n)
{
   static bool out[MUNIN_MAX_COLUMNS];
   bool directions = false;
   for (int i = 0; i < n; i++) {
      const char *direction = split(&columns[i]);
      if (direction == NULL) {
         return false;
      }
      out[i] = strcmp(direction, "out") == 0;
      directions |= out[i];
   }
   printf(
       "graph_title Link traffic - %s\ngraph_args -l 0\ngraph_category traffic-monitoring\n"
       "graph_vlabel %s out (-)/in (+) per sec.\n"
       "graph_info The number of %s per second specified with link number in 5 minute interval.\ngraph_order",
       what, what, what);
   for (int i = 0; i < n; i++) {
      printf(" %s%s", columns[i].name, out[i] ? "out" : "in");
   }
   puts(" Total");
   for (int i = 0; i < n; i++) {
      if (directions) {
         put_link(columns[i].name, out[i]);
      } else {
         put_lone_link(columns[i].name);
      }
   }
   putchar('\n');
   return true;
}

static bool put_values(struct munin_column *columns, int n)
{
   uint64_t total[2] = {0};
   bool directions = false;
   for (int i = 0; i < n; i++) {
      const char *direction = split(&columns[i]);
      if (direction == NULL) {
         return false;
      }
      bool out = strcmp(direction, "out") == 0;
      total[out] += strtoull(columns[i].value, NULL, 10);
      directions |= out;
      printf("%s%s.value %s\n", columns[i].name, direction, columns[i].value);
   }
   printf("Totalin.value %" PRIu64 "\n", total[0]);
   if (directions) {
      printf("Totalout.value %" PRIu64 "\n", total[1]);
   }
   return true;
}

int main(int argc, char **argv)
{
   static const struct munin_plugin plugin = {.name = "link_traffic_",
                                              .module = "link_traffic",
                                              .socket = "/var/run/libtrap/munin_link_traffic",
                                              .config = put_config,
                                              .values = put_values};
   return munin_plugin(&plugin, argc, argv);
}
