/* SPDX-License-Identifier: BSD-3-Clause */
/** Munin plugin of link_traffic: a link is a graph that goes up for what comes in and down for what goes out. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../munin/plugin.h"
#include "links.h"

/* Splits "nix2-in" into link and direction. \return the direction; NULL: it is neither in nor out */
static const char *split(struct munin_column *column)
{
   const char *direction = munin_split(column->name);
   return direction != NULL && (strcmp(direction, "in") == 0 || strcmp(direction, "out") == 0) ? direction
                                                                                               : NULL;
}

/* Reads the file with the links, for their colors. Without it the graph has munin's. */
static void read_links(struct links *links)
{
   const char *path = getenv("config");
   char error[LINKS_ERROR];
   FILE *file = fopen(path != NULL ? path : LINKS_DEFAULT, "re");
   links->n = 0;
   if (file == NULL) {
      if (path != NULL) {
         fprintf(stderr, "%s: %s\n", path, strerror(errno));
      }
      return;
   }
   if (!links_read(links, file, error)) {
      fprintf(stderr, "%s, %s\n", path != NULL ? path : LINKS_DEFAULT, error);
      links->n = 0;
   }
   fclose(file);
}

static void put_color(const struct links *links, const char *name, const char *direction)
{
   for (size_t i = 0; i < links->n; i++) {
      if (strcmp(links->link[i].name, name) == 0) {
         printf("%s%s.colour %s\n", name, direction, links->link[i].color);
         return;
      }
   }
}

/* The incoming half is not drawn by itself when there is an outgoing one, which draws both. */
static void put_link(const struct links *links, const char *link, bool out, bool directions)
{
   const char *direction = out ? "out" : "in";
   printf("%s%s.label %s\n", link, direction, link);
   if (out) {
      printf("%sout.negative %sin\n", link, link);
   } else if (directions) {
      printf("%sin.graph no\n", link);
   }
   printf("%s%s.type DERIVE\n%s%s.min 0\n", link, direction, link, direction);
   put_color(links, link, direction);
}

static bool put_config(const char *what, struct munin_column *columns, int n)
{
   static bool out[MUNIN_MAX_COLUMNS];
   static struct links links;
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
   read_links(&links);
   for (int i = 0; i < n; i++) {
      put_link(&links, columns[i].name, out[i], directions);
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
                                              .environment =
                                                  "             config=PATH  file with the "
                                                  "links, for their colors (default " LINKS_DEFAULT ")\n",
                                              .socket = "/var/run/libtrap/munin_link_traffic",
                                              .config = put_config,
                                              .values = put_values};
   return munin_plugin(&plugin, argc, argv);
}
