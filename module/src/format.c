/* SPDX-License-Identifier: BSD-3-Clause */
/** Formats of outputs: set by the module, or made of the formats of inputs. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which inputs' records can be sent as they are. */
static void find_same(nm_module_t *m, struct output *o)
{
   o->same = 0;
   for (uint32_t i = 0; m->in != NULL && i < m->n_in; i++) {
      const struct input *in = &m->in[i];
      bool same = o->tmplt == NULL ? o->has_format && in->def->data != NM_UNIREC
                                   : in->tmplt != NULL && ur_template_compare(o->tmplt, in->tmplt) == 1;
      o->same |= (uint64_t) same << i;
   }
}

const char *template_problem(int rc)
{
   switch (rc) {
   case UR_OK: return errno == EMSGSIZE ? "the record would be longer than 65535 bytes" : strerror(errno);
   case UR_E_TYPE_MISMATCH: return "a field is known with another type";
   case UR_E_INVALID_NAME: return "expected \"type NAME,type NAME,...\"";
   case UR_E_INVALID_TYPE: return "a type is unknown";
   default: return "out of memory";
   }
}

static int bad_fields(nm_module_t *m, const struct output *o, const char *fields, int rc)
{
   return nm_fail(m, "output %s: fields \"%s\": %s", o->name, fields, template_problem(rc));
}

/* \param foreign some of the fields are those of peers: they are defined for as long as there are records of them */
static int set_unirec(nm_module_t *m, uint32_t output, const char *typed_fields, bool foreign)
{
   struct output *o = &m->out[output];
   int rc = foreign ? UR_OK : ur_define_set_of_fields(typed_fields);
   if (rc != UR_OK) {
      return bad_fields(m, o, typed_fields, rc);
   }
   ur_template_t *t = foreign ? ur_define_fields_and_update_template(typed_fields, NULL)
                              : ur_create_template_from_ifc_spec(typed_fields);
   if (t == NULL) {
      return bad_fields(m, o, typed_fields, UR_OK);
   }
   if (o->record == NULL && (o->record = calloc(1, UR_MAX_SIZE)) == NULL) {
      ur_free_template(t);
      return nm_fail(m, "out of memory for a record of output %s", o->name);
   }
   if (o->tmplt != NULL && ur_template_compare(o->tmplt, t) == 1) {
      ur_free_template(t);
      find_same(m, o);
      return NM_OK;
   }
   if (m->ctx != NULL && ur_ctx_set_output_template(m->ctx, (int) output, t) != UR_OK) {
      ur_free_template(t);
      return nm_fail(m, "out of memory for the format of output %s", o->name);
   }
   ur_free_template(o->tmplt);
   o->tmplt = t;
   o->has_format = true;
   o->one_byte_record = one_byte_records(t);
   find_same(m, o);
   if (m->test != NULL) {
      test_format(m, output);
   }
   return NM_OK;
}

static int set_data(nm_module_t *m, uint32_t output, enum nm_data data, const char *format)
{
   struct output *o = &m->out[output];
   if (data == NM_UNIREC) {
      return set_unirec(m, output, format != NULL ? format : "", false);
   }
   if (m->ctx != NULL && data == NM_JSON) {
      trap_ctx_set_data_fmt(m->ctx, output, TRAP_FMT_JSON, format != NULL ? format : "");
   } else if (m->ctx != NULL) {
      trap_ctx_set_data_fmt(m->ctx, output, TRAP_FMT_RAW);
   }
   ur_free_template(o->tmplt);
   o->tmplt = NULL;
   o->has_format = true;
   o->one_byte_record = false;
   find_same(m, o);
   return NM_OK;
}

static int no_such_output(nm_module_t *m, uint32_t output)
{
   return nm_fail(m, "output %u does not exist: there are %u", output, m->n_out);
}

int own_fields(nm_module_t *m, const struct output *o, const char *fields)
{
   int rc = fields != NULL ? ur_define_set_of_fields(fields) : UR_OK;
   return rc == UR_OK ? NM_OK : bad_fields(m, o, fields, rc);
}

static void forget_rule(struct output *o)
{
   free(o->names);
   free(o->own);
   o->names = o->own = NULL;
   o->rule = NM_FIXED;
}

NM_PUBLIC int nm_set_output_data(nm_module_t *m, uint32_t output, enum nm_data data, const char *format)
{
   if (m->out == NULL || output >= m->n_out) {
      return no_such_output(m, output);
   }
   forget_rule(&m->out[output]);
   m->out[output].ended = false;
   return set_data(m, output, data, format);
}

NM_PUBLIC int nm_set_output(nm_module_t *m, uint32_t output, const char *typed_fields)
{
   return nm_set_output_data(m, output, NM_UNIREC, typed_fields);
}

/* ------------------------------------------------------------- following */

/* Writes the fields that names lists in the typed form. */
static int put_chosen(nm_module_t *m, const struct output *o, const struct input *in, FILE *f)
{
   char *names = strdup(o->names), *save = NULL;
   int rc = names != NULL ? NM_OK : nm_fail(m, "out of memory for the format of output %s", o->name);
   const char *comma = "";
   for (char *name = names != NULL ? strtok_r(names, ", \t\n", &save) : NULL; rc == NM_OK && name != NULL;
        name = strtok_r(NULL, ", \t\n", &save)) {
      int id = ur_get_id_by_name(name);
      if (id < 0 || !ur_is_present(in->tmplt, id)) {
         rc = nm_fail(m, "input %s: its records have no field \"%s\", which output %s needs", in->name, name,
                      o->name);
      } else {
         fprintf(f, "%s%s %s", comma, ur_field_type_str[ur_get_type(id)], name);
         comma = ",";
      }
   }
   free(names);
   return rc;
}

static int put_all(nm_module_t *m, const struct output *o, const struct input *in, FILE *f)
{
   char *all = ur_template_string(in->tmplt);
   if (all == NULL) {
      return nm_fail(m, "out of memory for the format of output %s", o->name);
   }
   fputs(all, f);
   free(all);
   return NM_OK;
}

/* The typed form of a format made of inputs' fields and the output's own. */
static int put_format(nm_module_t *m, const struct output *o, FILE *f)
{
   int rc = NM_OK;
   bool some = false;
   for (uint32_t i = 0; rc == NM_OK && i < m->n_in; i++) {
      const struct input *in = &m->in[i];
      if (in->tmplt == NULL || !in->format_known || (o->rule == NM_FOLLOW && i != o->follows)) {
         continue;
      }
      fputs(some ? "," : "", f);
      rc = o->names != NULL ? put_chosen(m, o, in, f) : put_all(m, o, in, f);
      some |= o->names != NULL ? *o->names != 0 : in->tmplt->count > 0;
   }
   if (rc == NM_OK && o->own != NULL && *o->own != 0) {
      fprintf(f, "%s%s", some ? "," : "", o->own);
   }
   return rc;
}

static int follow(nm_module_t *m, uint32_t output)
{
   struct output *o = &m->out[output];
   char *format = NULL;
   size_t size = 0;
   FILE *f = open_memstream(&format, &size);
   int rc = f != NULL ? put_format(m, o, f) : NM_ERROR;
   if (f == NULL || fclose(f) != 0) {
      rc = nm_fail(m, "out of memory for the format of output %s", o->name);
   }
   rc = rc == NM_OK ? set_unirec(m, output, format, true) : rc;
   free(format);
   return rc;
}

/* The input's format is known: it is the output's too, whatever kind of data it is. */
static int follow_input(nm_module_t *m, uint32_t output, uint32_t input)
{
   const struct input *in = &m->in[input];
   return in->tmplt != NULL ? follow(m, output) : set_data(m, output, in->def->data, in->format);
}

int outputs_follow(nm_module_t *m, uint32_t input)
{
   int rc = NM_OK;
   for (uint32_t k = 0; m->out != NULL && rc == NM_OK && k < m->n_out; k++) {
      struct output *o = &m->out[k];
      if (o->rule == NM_UNION && m->gathering) {
         continue; /* its first format must have the fields of all */
      }
      if (o->rule == NM_UNION || (o->rule == NM_FOLLOW && o->follows == input)) {
         rc = follow_input(m, k, input);
      } else {
         find_same(m, o);
      }
   }
   return rc;
}

NM_PUBLIC int nm_follow(nm_module_t *m, uint32_t output, uint32_t input, const char *names, const char *own)
{
   if (m->out == NULL || output >= m->n_out) {
      return no_such_output(m, output);
   }
   if (input >= m->n_in) {
      return nm_fail(m, "input %u does not exist: there are %u", input, m->n_in);
   }
   struct output *o = &m->out[output];
   int rc = own_fields(m, o, own);
   if (rc != NM_OK) {
      return rc;
   }
   char *new_names = names != NULL ? strdup(names) : NULL, *new_own = own != NULL ? strdup(own) : NULL;
   if ((names != NULL && new_names == NULL) || (own != NULL && new_own == NULL)) {
      free(new_names);
      free(new_own);
      return nm_fail(m, "out of memory for the format of output %s", o->name);
   }
   forget_rule(o);
   o->rule = NM_FOLLOW;
   o->follows = input;
   o->names = new_names;
   o->own = new_own;
   return m->in[input].format_known ? follow_input(m, output, input) : NM_OK;
}
