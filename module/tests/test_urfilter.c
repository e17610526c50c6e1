/* SPDX-License-Identifier: BSD-3-Clause */
/** liburfilter as a program of NEMEA 2 uses it, with a str_buffer of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <liburfilter.h>

char *str_buffer; /* programs of NEMEA 2 had to allocate it; it is not needed any more */

_Static_assert(sizeof(urfilter_t) == 3 * sizeof(void *) && offsetof(urfilter_t, tree) == sizeof(void *),
               "programs read the members themselves");

static void match(void **state)
{
   (void) state;
   assert_int_equal(ur_define_set_of_fields("uint32 ID,string URL,uint16 SRC_PORT"), UR_OK);
   ur_template_t *t = ur_create_template("ID,URL", NULL),
                 *other = ur_create_template("SRC_PORT,ID,URL", NULL);
   void *rec = ur_create_record(t, 100), *wide = ur_create_record(other, 100);
   ur_set_from_string(t, rec, (ur_field_id_t) ur_get_id_by_name("ID"), "5");
   ur_set_string(t, rec, ur_get_id_by_name("URL"), "http://x");
   ur_copy_fields(other, wide, t, rec);
   urfilter_t *f = urfilter_create("ID == 5 && URL =~ '^http'", "name");
   assert_string_equal(f->ifc_identifier, "name");
   assert_int_equal(urfilter_match(f, t, rec), URFILTER_TRUE);
   assert_int_equal(urfilter_match(f, other, wide), URFILTER_TRUE); /* another format */
   ur_set_string(t, rec, ur_get_id_by_name("URL"), "ftp://x");
   assert_int_equal(urfilter_match(f, t, rec), URFILTER_FALSE);
   /* The place of a freed template may be that of the next one. */
   ur_free_template(t);
   ur_template_t *next = ur_create_template("SRC_PORT,URL", NULL);
   assert_int_equal(urfilter_match(f, next, wide), URFILTER_FALSE);
   urfilter_destroy(f);
   ur_free_template(next);
   ur_free_template(other);
   ur_free_record(rec);
   ur_free_record(wide);
   ur_finalize();
}

static void nothing_and_nonsense(void **state)
{
   (void) state;
   assert_int_equal(ur_define_set_of_fields("uint32 ID"), UR_OK);
   ur_template_t *t = ur_create_template("ID", NULL);
   void *rec = ur_create_record(t, 0);
   const char *const empty[] = {NULL, ""};
   for (int i = 0; i < 2; i++) {
      urfilter_t *f = urfilter_create(empty[i], NULL);
      assert_int_equal(urfilter_match(f, t, rec), URFILTER_TRUE);
      assert_int_equal(urfilter_compile(f), URFILTER_ERROR);
      urfilter_destroy(f);
   }
   urfilter_t *f = urfilter_create("ID ==", NULL);
   assert_int_equal(urfilter_compile(f), URFILTER_ERROR);
   assert_int_equal(urfilter_match(f, t, rec), URFILTER_ERROR);
   urfilter_destroy(f);
   urfilter_destroy(NULL);
   ur_free_record(rec);
   ur_free_template(t);
   ur_finalize();
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(match), cmocka_unit_test(nothing_and_nonsense)};
   return cmocka_run_group_tests(tests, NULL, NULL);
}
