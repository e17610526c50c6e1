/* SPDX-License-Identifier: BSD-3-Clause */
/** Parts of the meter's configuration that both command lines have. */
#include "meter.h"
#include "plugins/registry.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void meter_config_init(struct meter_config *c)
{
   c->cache.capacity = 1u << 17;
   c->cache.active_ms = 300000;
   c->cache.inactive_ms = 30000;
   c->cache.fragments = FRAGMENTS;
   c->cache.fragment_s = 3;
   c->sink.link_bit_field = 1;
   c->sink.host = "127.0.0.1";
   c->sink.port = "4739";
   c->sink.mtu = 1458;
   c->sink.template_refresh = 600;
   c->sink.reconnect = 60;
}

char *meter_keep(const char *text)
{
   static struct kept {
      struct kept *next;
      char text[];
   } * all;
   size_t size = strlen(text) + 1;
   struct kept *k = malloc(sizeof(*k) + size);
   if (k == NULL) {
      return NULL;
   }
   memcpy(k->text, text, size);
   k->next = all;
   all = k;
   return k->text;
}

static int add_path(struct meter_input *in, const char *path, char *error)
{
   if (in->n_files == MAX_FILES) {
      snprintf(error, METER_ERROR, "%s: more than %d files", path, MAX_FILES);
      return NM_ERROR;
   }
   if ((in->n_files & (in->n_files - 1)) == 0) { /* there is room up to the next power of two */
      const char **more = realloc(in->files, (in->n_files > 0 ? 2 * in->n_files : 1) * sizeof(*more));
      if (more == NULL) {
         snprintf(error, METER_ERROR, "%s: out of memory", path);
         return NM_ERROR;
      }
      in->files = more;
   }
   in->files[in->n_files++] = path;
   return NM_OK;
}

static int visible(const struct dirent *e)
{
   return e->d_name[0] != '.';
}

static int add_directory(struct meter_input *in, const char *path, char *error)
{
   struct dirent **entries = NULL;
   int n = scandir(path, &entries, visible, alphasort), rc = NM_OK;
   unsigned before = in->n_files;
   if (n < 0) {
      snprintf(error, METER_ERROR, "cannot read %s: %s", path, strerror(errno));
      return NM_ERROR;
   }
   for (int i = 0; i < n; i++) {
      struct stat st;
      char name[PATH_MAX];
      int length = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
      free(entries[i]);
      if (rc == NM_OK && length < (int) sizeof(name) && stat(name, &st) == 0 && S_ISREG(st.st_mode)) {
         const char *kept = meter_keep(name);
         rc = add_path(in, kept != NULL ? kept : path, error);
      }
   }
   free(entries);
   if (rc == NM_OK && in->n_files == before) {
      snprintf(error, METER_ERROR, "%s: no file in this directory", path);
      return NM_ERROR;
   }
   return rc;
}

int meter_add_file(struct meter_input *in, const char *path, char error[METER_ERROR])
{
   struct stat st;
   if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
      return add_directory(in, path, error);
   }
   if (strcmp(path, "-") != 0 && access(path, R_OK) != 0) {
      snprintf(error, METER_ERROR, "cannot read %s: %s", path, strerror(errno));
      return NM_ERROR;
   }
   return add_path(in, path, error);
}

int meter_use_plugin(struct flow_sink_config *c, const char *name, char error[METER_ERROR])
{
   const struct flow_plugin *plugin = flow_plugin_find(name);
   unsigned i = 0;
   while (i < c->n_plugins && c->plugins[i] != plugin) {
      i++;
   }
   if (plugin == NULL || i == MAX_PLUGINS) {
      int n = snprintf(error, METER_ERROR,
                       plugin == NULL ? "\"%s\" (expected basic" : "\"%s\": more than %d plugins", name,
                       MAX_PLUGINS);
      for (size_t k = 0; plugin == NULL && flow_plugin_at(k) != NULL && n < METER_ERROR; k++) {
         n += snprintf(error + n, (size_t) (METER_ERROR - n), ", %s%s", flow_plugin_at(k)->name,
                       flow_plugin_at(k + 1) == NULL ? ")" : "");
      }
      return -1;
   }
   c->plugins[i] = plugin;
   c->n_plugins += i == c->n_plugins;
   return (int) i;
}
