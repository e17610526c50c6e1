/* SPDX-License-Identifier: BSD-3-Clause */
/** Peers cannot fill the field registry: fields that only their formats have defined are removed again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unirec/unirec.h>

#define FORMATS 60
#define FIELDS  1000 /* FORMATS * FIELDS are more than the registry has room for */

static char *make_format(int number)
{
   char *spec = malloc(FIELDS * 24), *p = spec;
   for (int i = 0; i < FIELDS; i++) {
      p += sprintf(p, "%suint8 F%d_%d", i > 0 ? "," : "", number, i);
   }
   return spec;
}

static void formats_without_end_leave_room(void **state)
{
   char *e = NULL;
   (void) state;
   ur_template_t *kept =
       ur_define_fields_and_update_template("uint8 KEPT_A,ipaddr KEPT_B,string KEPT_C", NULL);
   ur_template_t *t = ur_define_fields_and_update_template("uint16 MINE,uint8 THEIRS", NULL);
   assert_non_null(kept);
   assert_non_null(t);
   int mine = ur_define_field("MINE", UR_TYPE_UINT16); /* defined by a peer, then by the program: it stays */
   assert_true(mine >= 0);
   for (int i = 0; i < FORMATS; i++) {
      char *spec = make_format(i);
      t = ur_define_fields_and_update_template(spec, t);
      assert_non_null(t);
      assert_int_equal(t->count, FIELDS);
      free(spec);
   }
   assert_int_equal(ur_get_id_by_name("MINE"), mine);
   assert_true(ur_get_id_by_name("THEIRS") < 0);
   assert_true(ur_get_id_by_name("F0_0") < 0);
   char *text = ur_template_string(kept);
   assert_string_equal(text, "ipaddr KEPT_B,uint8 KEPT_A,string KEPT_C");
   free(text);
   t = ur_define_fields_and_update_template("uint32 GOOD", t); /* the field that did not fit before */
   assert_non_null(t);
   ur_template_t *copy = ur_create_template("GOOD,MINE", &e);
   assert_non_null(copy);
   ur_free_template(copy);
   ur_free_template(kept);
   ur_free_template(t);
   ur_finalize();
}

static void a_format_that_contradicts_defines_nothing(void **state)
{
   (void) state;
   ur_template_t *t = ur_define_fields_and_update_template("uint8 A,uint16 B", NULL);
   assert_non_null(t);
   assert_null(ur_define_fields_and_update_template("uint8 C,uint8 D,uint32 B", t));
   assert_true(ur_get_id_by_name("C") < 0);
   assert_true(ur_get_id_by_name("D") < 0);
   assert_int_equal(t->count, 2);
   ur_free_template(t);
   ur_finalize();
}

/* Formats of former peers do not affect later ones. */
static void a_peer_that_is_gone_leaves_no_types(void **state)
{
   (void) state;
   ur_template_t *t = ur_define_fields_and_update_template("uint8 A,string B", NULL);
   assert_non_null(t);
   assert_null(ur_define_fields_and_update_template("uint64 A", NULL)); /* while records have it */
   ur_free_template(t);
   assert_null(ur_define_fields_and_update_template("uint64 A,uint16 A", NULL));
   t = ur_define_fields_and_update_template("uint64 A,ipaddr B", NULL);
   assert_non_null(t);
   char *text = ur_template_string(t);
   assert_string_equal(text, "ipaddr B,uint64 A");
   free(text);
   ur_free_template(t);
   assert_true(ur_define_field("A", UR_TYPE_FLOAT) >= 0); /* defined by the program: never removed */
   assert_int_equal(ur_define_field("A", UR_TYPE_UINT8), UR_E_TYPE_MISMATCH);
   assert_null(ur_define_fields_and_update_template("uint64 A", NULL));
   ur_finalize();
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(formats_without_end_leave_room),
       cmocka_unit_test(a_format_that_contradicts_defines_nothing),
       cmocka_unit_test(a_peer_that_is_gone_leaves_no_types),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
