/* SPDX-License-Identifier: BSD-3-Clause */
/** listdetector: sends the records that match a rule of a list, or those that match none. */
#include <errno.h>
#include <inttypes.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <string.h>

#include "../appfs/statistics.h"
#include "list.h"

NM_FIELDS()

static const char *const modes[] = {"whitelist", "wl", "blacklist", "bl", NULL};
static const char *const spellings[] = {"-lm", "--listmode", NULL};

struct listdetector {
   unsigned mode; /* index into modes */
   struct list *list;
   char *format; /* columns of the list that the module began with */
   nm_field_t fields[LIST_COLUMNS];
   uint64_t rules, matched;
   struct statistics files;
};

static bool is_blacklist(const struct listdetector *self)
{
   return self->mode >= 2;
}

/* A later list must have the columns of the first one, which the records were asked for. */
static bool same_columns(nm_module_t *m, const struct list *list, const char *path)
{
   const struct listdetector *self = nm_self(m);
   char *format = list_format(list);
   bool same = format != NULL && (self->format == NULL || strcmp(format, self->format) == 0);
   if (!same) {
      nm_fail(m, "option -r, --rules: %s: the columns are \"%s\", expected \"%s\"; others need a restart",
              path, format != NULL ? format : "?", self->format != NULL ? self->format : "?");
   }
   free(format);
   return same;
}

static void *load(nm_module_t *m, const char *path)
{
   char error[LIST_ERROR];
   FILE *file = fopen(path, "re");
   if (file == NULL) {
      nm_fail(m, "option -r, --rules: %s: %s", path, strerror(errno));
      return NULL;
   }
   struct list *list = list_read(file, error);
   fclose(file);
   if (list == NULL) {
      nm_fail(m, "option -r, --rules: %s: %s", path, error);
   } else if (!same_columns(m, list, path)) {
      list_free(list);
      list = NULL;
   }
   return list;
}

static void release(void *list)
{
   list_free(list);
}

static const nm_option_t options[] = {
    NM_FILE('r', "rules", struct listdetector, list, load, release,
            "List of rules: a line of columns (\"ipaddr SRC_IP,uint16 DST_PORT\"), then a line for each "
            "rule; an empty cell means any "
            "value. Required."),
    NM_CHOICE(0, "listmode", struct listdetector, mode, 0, modes,
              "whitelist (wl): send records that match no rule; blacklist (bl): send those that match one. "
              "Also -lm."),
    STATISTICS_OPTION(struct listdetector, files),
    NM_END,
};

/* One file for all rules, a line for each that matched: lists are long. */
static void publish_rules(nm_module_t *m, const struct listdetector *self)
{
   char *text = NULL;
   size_t size = 0;
   FILE *f = open_memstream(&text, &size);
   for (uint32_t i = 0; f != NULL && i < self->list->n_rules; i++) {
      if (self->list->matched[i] > 0) {
         fprintf(f, "%" PRIu32 ": %" PRIu64 "\n", i + 1, self->list->matched[i]);
      }
   }
   if (f == NULL || fclose(f) != 0) {
      nm_warn(m, "out of memory for the statistics; readers get the old ones");
   } else {
      statistics_file(m, &self->files, "rules", "matchedCount", "%s", text);
   }
   free(text);
}

static int publish(nm_module_t *m)
{
   const struct listdetector *self = nm_self(m);
   if (self->files.fs != NULL) {
      statistics_input(m, &self->files);
      statistics_file(m, &self->files, "rules", "aggStats", "totalMatchedCount: %" PRIu64 "\n",
                      self->matched);
      publish_rules(m, self);
   }
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct listdetector *self = nm_self(m);
   if (self->list == NULL) {
      return nm_fail(m, "option -r, --rules is needed");
   }
   self->format = list_format(self->list);
   if (self->format == NULL) {
      return nm_fail(m, "out of memory");
   }
   for (uint32_t i = 0; i < self->list->n_columns; i++) {
      const struct column *c = &self->list->columns[i];
      int id = ur_define_field(c->name, c->type);
      if (id < 0) {
         return nm_fail(m, "option -r, --rules: column %s %s: %s", ur_field_type_str[c->type], c->name,
                        id == UR_E_MEMORY ? "out of memory" : "a field cannot have this name");
      }
   }
   self->rules = self->list->n_rules;
   nm_counter(m, "rules", &self->rules);
   nm_counter(m, "totalMatchedCount", &self->matched);
   int rc = statistics_open(m, &self->files);
   return rc == NM_OK ? publish(m) : rc;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct listdetector *self = nm_self(m);
   for (uint32_t i = 0; i < self->list->n_columns; i++) {
      const struct column *c = &self->list->columns[i];
      if (!nm_field_find(&self->fields[i], nm_in_n(m, input), c->name) || self->fields[i].type != c->type) {
         return nm_fail(m, "the input has no field \"%s %s\", which the list has (its format is \"%s\")",
                        ur_field_type_str[c->type], c->name, nm_in_format(m, input));
      }
   }
   return NM_OK;
}

static int reload(nm_module_t *m)
{
   struct listdetector *self = nm_self(m);
   self->rules = self->list->n_rules;
   return NM_OK;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct listdetector *self = nm_self(m);
   struct list *list = self->list;
   bool blacklist = is_blacklist(self);
   statistics_count(&self->files, recs, n);
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      uint32_t rule = list_find(list, self->fields, recs[i].data);
      if (rule != UINT32_MAX) {
         self->matched++;
         list->matched[rule]++;
      }
      if ((rule != UINT32_MAX) == blacklist) {
         rc = nm_forward_n(m, 0, &recs[i]);
      }
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct listdetector *self = nm_self(m);
   free(self->format);
   statistics_close(&self->files);
}

NM_MODULE("listdetector",
          "Sends the records that match no rule of a list (whitelist), or those that match one (blacklist), "
          "unchanged. A rule matches "
          "when all its cells do.",
          .in = NM_INPUTS({"records"}), .out = NM_OUTPUTS({"records", .format = NM_FOLLOW}),
          .options = options, .spellings = spellings, .state_size = sizeof(struct listdetector),
          .no_eos_option = "no-eof", .init = init, .format = format, .reload = reload, .records = records,
          .timer = publish, .idle = publish, .finish = publish, .cleanup = cleanup)
