/* SPDX-License-Identifier: BSD-3-Clause */
/** What the munin plugins of proto_traffic and link_traffic share: their command line, and how they get the counters. */
#ifndef NEMEA_MUNIN_PLUGIN_H
#define NEMEA_MUNIN_PLUGIN_H

#include "client.h"

struct munin_plugin {
   const char *name;   /**< with the underscore that what it shows follows: "proto_traffic_" */
   const char *module; /**< whose counters it shows */
   const char *socket; /**< where that listens by default */
   const char
       *environment; /**< lines of the help about other variables of the environment; NULL: there are none */
   /** Print the configuration of the graph, and the values. what: bytes, flows or packets; columns: those of it, by
    * name, and without "-bytes" and the like. \return false: a name has another form */
   bool (*config)(const char *what, struct munin_column *columns, int n);
   bool (*values)(struct munin_column *columns, int n);
};

/** The whole of main(). */
int munin_plugin(const struct munin_plugin *plugin, int argc, char **argv);

#endif
