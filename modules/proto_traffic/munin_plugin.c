/* SPDX-License-Identifier: BSD-3-Clause */
/** Munin plugin of proto_traffic. */
#include <stdio.h>

#include "../munin/plugin.h"

static bool put_config(const char *what, struct munin_column *columns, int n)
{
   printf("graph_title Traffic L4 protocol - %s\ngraph_args -l 0\ngraph_category traffic-monitoring\n"
          "graph_vlabel %s/second\ngraph_info The number of %s per second per L4 protocol.\n",
          what, what, what);
   for (int i = 0; i < n; i++) {
      const char *name = columns[i].name;
      printf("%s.label %s\n%s.type DERIVE\n%s.draw AREASTACK\n%s.min 0\n", name, name, name, name, name);
   }
   return true;
}

static bool put_values(struct munin_column *columns, int n)
{
   for (int i = 0; i < n; i++) {
      printf("%s.value %s\n", columns[i].name, columns[i].value);
   }
   return true;
}

int main(int argc, char **argv)
{
   static const struct munin_plugin plugin = {.name = "proto_traffic_",
                                              .module = "proto_traffic",
                                              .socket = "/var/run/libtrap/munin_proto_traffic",
                                              .config = put_config,
                                              .values = put_values};
   return munin_plugin(&plugin, argc, argv);
}
