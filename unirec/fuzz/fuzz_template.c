/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: template strings from peers, files and users. */
#include "fuzz.h"

/* The canonical string of a template gives the same template. */
static void round_trip(const ur_template_t *t)
{
   char *spec = ur_template_string(t);
   ur_template_t *again = ur_create_template_from_ifc_spec(spec);
   PROMISE(spec != NULL && again != NULL && ur_template_compare(t, again));
   PROMISE(again->static_size == t->static_size && again->first_dynamic == t->first_dynamic);
   char *names = ur_ifc_data_fmt_to_field_names(spec);
   ur_template_t *by_name = ur_create_template(names, NULL);
   PROMISE(by_name != NULL && ur_template_compare(t, by_name));
   ur_free_template(by_name);
   ur_free_template(again);
   free(names);
   free(spec);
}

static void make_and_edit(const char *text)
{
   char *error = NULL;
   ur_template_t *t = ur_define_fields_and_update_template("uint32 OLD,string OLDER", NULL);
   ur_template_t *by_name = ur_create_template(text, &error);
   PROMISE((by_name == NULL) == (error != NULL));
   free(error);
   ur_free_template(by_name);
   ur_template_t *wider = ur_expand_template(text, t);
   t = wider != NULL ? wider : t;
   PROMISE(ur_is_present(t, ur_get_id_by_name("OLD")) && ur_is_present(t, ur_get_id_by_name("OLDER")));
   round_trip(t);
   t->direction = UR_TMPLT_DIRECTION_IN;
   ur_template_t *other = ur_define_fields_and_update_template(text, t);
   t = other != NULL ? other : t;
   PROMISE(t->direction == UR_TMPLT_DIRECTION_IN);
   round_trip(t);
   void *rec = ur_create_record(t, 0);
   PROMISE(rec != NULL && ur_rec_check(t, rec, t->static_size));
   ur_free_record(rec);
   ur_free_template(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char *text = fuzz_text(data, size);
   make_and_edit(text);
   free(ur_ifc_data_fmt_to_field_names(text));
   int before = ur_field_specs.ur_last_id, rc = ur_define_set_of_fields(text);
   PROMISE(rc == UR_OK || rc == UR_E_INVALID_NAME || rc == UR_E_INVALID_TYPE || rc == UR_E_TYPE_MISMATCH ||
           rc == UR_E_MEMORY);
   ur_undefine_field(text);
   int id = ur_define_field(text, (ur_field_type_t) (size % 32));
   PROMISE(id < 0 || (ur_get_id_by_name(text) == id && ur_undefine_field_by_id((ur_field_id_t) id) == UR_OK));
   PROMISE(ur_field_specs.ur_last_id >= before);
   ur_finalize();
   free(text);
   return 0;
}
