/* SPDX-License-Identifier: BSD-3-Clause */
/** unirec2json: sends records as JSON objects. */
#include <inttypes.h>
#include <nemea/module.h>
#include <stdlib.h>

#include "maps.h"
#include "values.h"

NM_FIELDS()

#define MAX_MESSAGE 65535

struct column {
   nm_field_t field;
   const char *name;
   nc_json_t before; /* the name as JSON, with what stands around it */
};

struct unirec2json {
   const char *id;
   bool clean, verbose;
   struct maps *maps;
   /* Of the format at hand. */
   struct column *columns;
   size_t n_columns;
   struct member *members; /* with room for those of the maps */
   size_t *ends;           /* of the values */
   nc_json_t text, values;
   uint64_t too_long;
};

static void *load(nm_module_t *m, const char *path)
{
   char error[MAPS_ERROR];
   struct maps *maps = maps_read(path, error);
   if (maps == NULL) {
      nm_fail(m, "file of maps %s: %s", path, error);
   }
   return maps;
}

static void release(void *maps)
{
   maps_free(maps);
}

static const nm_option_t options[] = {
    NM_FILE('M', "maps", struct unirec2json, maps, load, release,
            "Maps of values (JSON with \"match\", \"regex\", \"timify\"). Read again on SIGHUP."),
    NM_STRING('f', "format", struct unirec2json, id, "",
              "Name of what the messages hold, for those who receive them."),
    NM_FLAG('c', "clean", struct unirec2json, clean,
            "Write int8 as numbers, macaddr as bare addresses and bytes as hexadecimal digits, not as Python "
            "writes its objects."),
    NM_FLAG(0, "verbose", struct unirec2json, verbose, "Print each message (as -v)."),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct unirec2json *self = nm_self(m);
   self->verbose |= nm_verbosity(m) >= 0;
   nm_counter(m, "too long", &self->too_long);
   return nm_set_output_data(m, 0, NM_JSON, self->id);
}

static void free_columns(struct unirec2json *self)
{
   for (size_t i = 0; i < self->n_columns; i++) {
      nc_json_free(&self->columns[i].before);
   }
   free(self->columns);
   free(self->members);
   free(self->ends);
   self->columns = NULL;
   self->members = NULL;
   self->ends = NULL;
   self->n_columns = 0;
}

static int make_members(nm_module_t *m)
{
   struct unirec2json *self = nm_self(m);
   free(self->members);
   self->members = calloc(self->n_columns + 1 + (self->maps != NULL ? maps_members(self->maps) : 0),
                          sizeof(*self->members));
   return self->members != NULL ? NM_OK : nm_fail(m, "out of memory");
}

static int format(nm_module_t *m, uint32_t input)
{
   struct unirec2json *self = nm_self(m);
   const ur_template_t *in = nm_in_n(m, input);
   free_columns(self);
   self->columns = calloc((size_t) in->count + 1, sizeof(*self->columns));
   self->ends = calloc((size_t) in->count + 1, sizeof(*self->ends));
   if (self->columns == NULL || self->ends == NULL) {
      return nm_fail(m, "out of memory");
   }
   for (int i = 0; i < in->count; i++) {
      struct column *c = &self->columns[self->n_columns++];
      c->name = ur_get_name(ur_iter_fields_record_order(in, i));
      nm_field_find(&c->field, in, c->name);
      nc_json_raw(&c->before, i == 0 ? "{" : ", ", i == 0 ? 1 : 2);
      nc_json_string(&c->before, c->name, strlen(c->name));
      nc_json_raw(&c->before, ": ", 2);
   }
   return make_members(m);
}

static int reload(nm_module_t *m)
{
   const struct unirec2json *self = nm_self(m);
   return self->columns != NULL ? make_members(m) : NM_OK;
}

static void write_plain(struct unirec2json *self, const void *rec)
{
   for (size_t i = 0; i < self->n_columns; i++) {
      const struct column *c = &self->columns[i];
      nc_json_raw(&self->text, c->before.data, c->before.length);
      value_write(&self->text, &c->field, rec, self->clean);
   }
   nc_json_raw(&self->text, self->n_columns > 0 ? "}" : "{}", self->n_columns > 0 ? 1 : 2);
}

/* What Python's str() makes of a value. */
static void set_text(struct member *member, const nm_field_t *f, const void *rec)
{
   member->text = member->json;
   member->text_length = member->json_length;
   member->kind = VALUE_NUMBER;
   if (f->type == UR_TYPE_STRING) {
      uint32_t length;
      member->text = nm_field_data(f, rec, &length);
      member->text_length = length;
      member->kind = VALUE_STRING;
   } else if (member->json[0] == '"') {
      member->text++;
      member->text_length -= 2;
      member->kind = VALUE_STRING;
   } else if (member->json[0] == '[') {
      member->kind = VALUE_OTHER;
   }
}

static int write_mapped(nm_module_t *m, const void *rec)
{
   struct unirec2json *self = nm_self(m);
   size_t n = self->n_columns;
   nc_json_clear(&self->values);
   for (size_t i = 0; i < n; i++) {
      value_write(&self->values, &self->columns[i].field, rec, self->clean);
      self->ends[i] = self->values.length;
   }
   for (size_t i = 0; self->values.failed == NULL && i < n; i++) {
      size_t start = i > 0 ? self->ends[i - 1] : 0;
      self->members[i].name = self->columns[i].name;
      self->members[i].json = self->values.data + start;
      self->members[i].json_length = self->ends[i] - start;
      set_text(&self->members[i], &self->columns[i].field, rec);
   }
   const char *wrong = self->values.failed == NULL ? maps_apply(self->maps, self->members, &n) : NULL;
   if (wrong != NULL) {
      return nm_fail(m, "maps: \"%s\" is not a member of the record or not a time", wrong);
   }
   for (size_t i = 0; self->values.failed == NULL && i < n; i++) {
      nc_json_raw(&self->text, i == 0 ? "{" : ", ", i == 0 ? 1 : 2);
      nc_json_string(&self->text, self->members[i].name, strlen(self->members[i].name));
      nc_json_raw(&self->text, ": ", 2);
      nc_json_raw(&self->text, self->members[i].json, self->members[i].json_length);
   }
   nc_json_raw(&self->text, n > 0 ? "}" : "{}", n > 0 ? 1 : 2);
   return NM_OK;
}

static int convert(nm_module_t *m, const void *rec)
{
   struct unirec2json *self = nm_self(m);
   int rc = NM_OK;
   nc_json_clear(&self->text);
   if (self->maps == NULL) {
      write_plain(self, rec);
   } else if ((rc = write_mapped(m, rec)) != NM_OK) {
      return rc;
   }
   if (self->text.failed != NULL || self->values.failed != NULL || self->text.length > MAX_MESSAGE) {
      self->too_long++;
      nm_warn(m, "a record is skipped: its message would be longer than %d bytes", MAX_MESSAGE);
      return NM_OK;
   }
   if (self->verbose) {
      printf("%.*s\n", (int) self->text.length, self->text.data);
   }
   return nm_send_raw(m, 0, self->text.data, (uint16_t) self->text.length);
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      rc = convert(m, recs[i].data);
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct unirec2json *self = nm_self(m);
   free_columns(self);
   nc_json_free(&self->text);
   nc_json_free(&self->values);
}

NM_MODULE("unirec2json",
          "Sends each record as a JSON object, whose members are the fields in the order of the record.",
          .in = NM_INPUTS({"records", .fields = NULL}), .out = NM_OUTPUTS({"messages", .data = NM_JSON}),
          .options = options, .state_size = sizeof(struct unirec2json), .option_status = 2,
          .no_eos_option = "no-eos", .init = init, .format = format, .records = records, .reload = reload,
          .cleanup = cleanup)
