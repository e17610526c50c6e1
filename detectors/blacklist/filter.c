/* SPDX-License-Identifier: BSD-3-Clause */
/** Configuration and lists of the blacklist filters. */
#include "filter.h"

#include <inttypes.h>
#include <nemea-common/configurator.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENT(type, name, size, value)                                \
   "<element type=\"" type "\"><name>" name "</name><type size=\"" size \
   "\">string</type><default-value>" value "</default-value></element>"
#define PATTERN(elements) "<configuration><struct name=\"main struct\">" elements "</struct></configuration>"
#define WATCH_EVERY       NM_SECONDS(1)

struct __attribute__((packed)) config {
   char file[BL_FILES][256];
   char watch[8];
};

struct __attribute__((packed)) config_one {
   char file[256];
   char watch[8];
};

static void warn_bad(nm_module_t *m, const char *path, const struct bl_read *r)
{
   if (r->bad > 0) {
      nm_warn(m,
              "list %s: %" PRIu64 " of %" PRIu64
              " lines are no entries and left out; the first is line %" PRIu64 ": %s",
              path, r->bad, r->bad + r->entries, r->first_bad, r->reason);
   }
}

/* NULL without memory. */
static struct bl_lists *lists_new(bool addresses)
{
   struct bl_lists *lists = calloc(1, sizeof(*lists));
   if (lists != NULL) {
      lists->prefixes = addresses ? bl_prefixes_new() : NULL;
      lists->names = addresses ? NULL : bl_names_new();
      if (lists->prefixes == NULL && lists->names == NULL) {
         free(lists);
         lists = NULL;
      }
   }
   return lists;
}

void bl_release(void *object)
{
   struct bl_lists *lists = object;
   bl_prefixes_free(lists->prefixes);
   if (lists->names != NULL) {
      bl_names_free(lists->names);
   }
   free(lists);
}

static void set_paths(const struct bl_filter *self, struct bl_lists *lists, const struct config *config)
{
   for (int i = 0; i < BL_FILES; i++) {
      snprintf(lists->path[i], BL_PATH_MAX, "%s", self->file[i] != NULL ? self->file[i] : config->file[i]);
      if (strcmp(lists->path[i], "-") == 0) {
         lists->path[i][0] = 0;
      }
   }
   lists->watch = strcmp(config->watch, "true") == 0;
}

/* The second list of addresses may be missing: nothing of IPv6 is found then. */
static bool read_addresses(nm_module_t *m, struct bl_lists *lists)
{
   const struct bl_filter *self = nm_self(m);
   char error[BL_ERROR];
   struct bl_read r;
   for (int i = 0; i < BL_FILES; i++) {
      if (i > 0 && lists->path[i][0] == 0) {
         continue;
      }
      if (bl_read_prefixes(lists->path[i], lists->prefixes, &lists->stamp[i], &r, error)) {
         warn_bad(m, lists->path[i], &r);
      } else if (i == 0 || (self->lists != NULL && bl_prefixes_count(self->lists->prefixes, true) > 0)) {
         nm_fail(m, "cannot read the blacklist %s (is the downloader running?)", error);
         return false;
      } else {
         nm_warn(m, "cannot read the blacklist %s; IPv6 addresses are not looked for", error);
      }
   }
   if (!bl_prefixes_finish(lists->prefixes)) {
      nm_fail(m, "out of memory for the blacklists");
      return false;
   }
   return true;
}

static bool read_names(nm_module_t *m, struct bl_lists *lists)
{
   char error[BL_ERROR];
   struct bl_read r;
   if (!bl_read_names(lists->path[0], lists->names, &lists->stamp[0], &r, error)) {
      nm_fail(m, "cannot read the blacklist %s (is the downloader running?)", error);
      return false;
   }
   warn_bad(m, lists->path[0], &r);
   return true;
}

static bool read_plain(nm_module_t *m, struct bl_lists *lists, enum bl_kind kind)
{
   const struct bl_filter *self = nm_self(m);
   char error[BL_ERROR];
   struct bl_read r;
   snprintf(lists->path[0], BL_PATH_MAX, "%s", self->plain);
   lists->watch = true;
   if (!bl_read_plain(self->plain, kind, lists->prefixes, lists->names, &lists->stamp[0], &r, error)) {
      nm_fail(m, "cannot read the blacklist %s", error);
      return false;
   }
   warn_bad(m, self->plain, &r);
   if (kind == BL_ADDRESSES && !bl_prefixes_finish(lists->prefixes)) {
      nm_fail(m, "out of memory for the blacklist");
      return false;
   }
   return true;
}

static bool read_config(nm_module_t *m, const char *path, bool addresses, struct config *config)
{
   static const char two[] = PATTERN(ELEMENT("required", "ipv4_blacklist_file", "256", "-") ELEMENT(
       "required", "ipv6_blacklist_file", "256", "-") ELEMENT("optional", "watch_blacklists", "8", "true")),
                     one[] = PATTERN(ELEMENT("required", "blacklist_file", "256", "-")
                                         ELEMENT("optional", "watch_blacklists", "8", "true"));
   struct config_one single;
   char installed[BL_PATH_MAX];
   path = bl_config_file(path, installed);
   memset(config, 0, sizeof(*config));
   memset(&single, 0, sizeof(single));
   if (loadConfiguration((char *) (uintptr_t) (addresses ? two : one), (char *) (uintptr_t) path,
                         addresses ? (void *) config : (void *) &single, CONF_PATTERN_STRING) != 0) {
      nm_fail(m, "the configuration file %s cannot be used (option -c names another one)", path);
      return false;
   }
   if (!addresses) {
      memcpy(config->file[0], single.file, sizeof(single.file));
      memcpy(config->watch, single.watch, sizeof(single.watch));
   }
   return true;
}

static void *load(nm_module_t *m, const char *path, enum bl_kind kind)
{
   const struct bl_filter *self = nm_self(m);
   struct config config;
   bool addresses = kind == BL_ADDRESSES;
   if (self->plain == NULL && !read_config(m, path, addresses, &config)) {
      return NULL;
   }
   struct bl_lists *lists = lists_new(addresses);
   if (lists == NULL) {
      nm_fail(m, "out of memory for the blacklists");
      return NULL;
   }
   bool good;
   if (self->plain != NULL) {
      good = read_plain(m, lists, kind);
   } else {
      set_paths(self, lists, &config);
      good = addresses ? read_addresses(m, lists) : read_names(m, lists);
   }
   if (!good) {
      bl_release(lists);
      return NULL;
   }
   return lists;
}

void *bl_load_addresses(nm_module_t *m, const char *path)
{
   return load(m, path, BL_ADDRESSES);
}

void *bl_load_domains(nm_module_t *m, const char *path)
{
   return load(m, path, BL_DOMAINS);
}

void *bl_load_urls(nm_module_t *m, const char *path)
{
   return load(m, path, BL_URLS);
}

static void count(struct bl_filter *self)
{
   const struct bl_lists *lists = self->lists;
   self->entries = lists->prefixes != NULL
                       ? bl_prefixes_count(lists->prefixes, false) + bl_prefixes_count(lists->prefixes, true)
                       : bl_names_count(lists->names);
   memcpy(self->tried, lists->stamp, sizeof(self->tried));
}

int bl_filter_init(nm_module_t *m)
{
   struct bl_filter *self = nm_self(m);
   count(self);
   nm_counter(m, "entries", &self->entries);
   nm_counter(m, "hits", &self->hits);
   if (self->lists->watch && !nm_recording(m)) {
      nm_set_timer(m, WATCH_EVERY);
   }
   return NM_OK;
}

/* A file that cannot be read is tried again when it changes. */
int bl_filter_timer(nm_module_t *m)
{
   struct bl_filter *self = nm_self(m);
   bool changed = false;
   for (int i = 0; i < BL_FILES; i++) {
      struct bl_stamp now;
      if (self->lists->path[i][0] != 0) {
         bl_stamp(self->lists->path[i], &now);
         changed |= !bl_stamp_equal(&now, &self->tried[i]);
         self->tried[i] = now;
      }
   }
   return changed ? nm_reload(m) : NM_OK;
}

int bl_filter_reload(nm_module_t *m)
{
   count(nm_self(m));
   return NM_OK;
}
