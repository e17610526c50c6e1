/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file filter.h
 * What the blacklist filters share: their configuration, the lists it names, and a look each second whether these have changed.
 */
#ifndef BLACKLIST_FILTER_H
#define BLACKLIST_FILTER_H

#include "blist.h"

#include <nemea/module.h>

#define BL_FILES 2
#define BL_BATCH 32 /* records whose names are looked for together */

/** What a filter works with; replaced as a whole when a file changes. */
struct bl_lists {
   struct bl_prefixes *prefixes; /* of ipblacklistfilter */
   struct bl_names *names;       /* of the others */
   bool watch;
   char path[BL_FILES][BL_PATH_MAX]; /* "": none */
   struct bl_stamp stamp[BL_FILES];
};

/** Begin of the state of a filter. */
struct bl_filter {
   struct bl_lists *lists;
   const char *file[BL_FILES]; /* options that replace what the configuration says; NULL: none */
   const char *plain;          /* option --blacklist; NULL: none */
   struct bl_stamp tried[BL_FILES];
   uint64_t entries, hits;
};

/** For NM_FILE_OR(): the lists that the configuration file at path names. */
void *bl_load_addresses(nm_module_t *m, const char *path);
void *bl_load_domains(nm_module_t *m, const char *path);
void *bl_load_urls(nm_module_t *m, const char *path);
void bl_release(void *lists);

/** init(), timer() and reload() of a filter. */
int bl_filter_init(nm_module_t *m);
int bl_filter_timer(nm_module_t *m);
int bl_filter_reload(nm_module_t *m);

/** Options that all filters have. load: one of the above */
#define BL_CONFIG_OPTION(file_name, load)                                                         \
   NM_FILE_OR(                                                                                    \
       'c', "config", struct bl_filter, lists, NEMEA_CONFDIR "/blacklistfilter/" file_name, load, \
       bl_release,                                                                                \
       "Configuration (XML) that names the files of lists. The files are read again when they change.")
#define BL_PLAIN_OPTION                                                                                      \
   NM_STRING(0, "blacklist", struct bl_filter, plain, NULL,                                                  \
             "Plain list instead of a configuration: an address, network, domain name or URL on each line; " \
             "'#' begins a comment. It is list 1.")

#endif
