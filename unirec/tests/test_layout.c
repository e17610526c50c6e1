/* SPDX-License-Identifier: BSD-3-Clause */
/** Layouts: records of two formats that contradict each other, in one process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <unirec/ur_layout.h>

static void formats_may_contradict_each_other(void **state)
{
   const struct {
      const char *format;
      unsigned bytes;
   } senders[] = {{"uint32 EVENT_ID,ipaddr SRC_IP,string NAME,uint16 PORT", 4},
                  {"uint64 EVENT_ID,ipaddr SRC_IP,uint16 PORT,string NAME", 8}};
   ur_layout_t *layouts[2];
   ur_template_t *t[2];
   void *rec[2];
   (void) state;
   for (int i = 0; i < 2; i++) {
      /* The sender is another process: a registry of its own. */
      assert_int_equal(ur_define_set_of_fields(senders[i].format), UR_OK);
      t[i] = ur_create_template_from_ifc_spec(senders[i].format);
      rec[i] = ur_create_record(t[i], 100);
      memset(rec[i], 0, ur_rec_fixlen_size(t[i]));
      memset(ur_get_ptr_by_id(t[i], rec[i], ur_get_id_by_name("EVENT_ID")), 1 + i, senders[i].bytes);
      ur_set_string(t[i], rec[i], ur_get_id_by_name("NAME"), "a name");
      layouts[i] = ur_layout_create(senders[i].format);
      assert_non_null(layouts[i]);
      assert_int_equal(ur_layout_check(layouts[i], rec[i], ur_rec_size(t[i], rec[i])), 1);
      assert_int_equal(ur_layout_check(layouts[i], rec[i], ur_rec_size(t[i], rec[i]) - 1u), 0);
      ur_free_template(t[i]);
      ur_finalize();
   }
   for (int i = 0; i < 2; i++) {
      uint16_t length;
      uint64_t id = 0;
      assert_int_equal(ur_layout_count(layouts[i]), 4);
      int field = ur_layout_find(layouts[i], "EVENT_ID");
      assert_int_equal(ur_layout_type(layouts[i], field), i == 0 ? UR_TYPE_UINT32 : UR_TYPE_UINT64);
      assert_string_equal(ur_layout_name(layouts[i], field), "EVENT_ID");
      memcpy(&id, ur_layout_get(layouts[i], rec[i], field, &length), senders[i].bytes);
      assert_int_equal(length, senders[i].bytes);
      assert_true(id == (i == 0 ? 0x01010101u : 0x0202020202020202u));
      const char *name = ur_layout_get(layouts[i], rec[i], ur_layout_find(layouts[i], "NAME"), &length);
      assert_int_equal(length, 6);
      assert_memory_equal(name, "a name", 6);
      assert_int_equal(ur_layout_find(layouts[i], "EVENT"), -1);
      ur_free_record(rec[i]);
      ur_layout_free(layouts[i]);
   }
}

/* The same bytes as a template sees them, for all types. */
static void layouts_are_those_of_templates(void **state)
{
   char format[1024] = "", *p = format;
   (void) state;
   for (int i = 0; i < UR_COUNT_OF_TYPES; i++) {
      p +=
          sprintf(p, "%s%s F%d,%s AB_%d", i > 0 ? "," : "", ur_field_type_str[i], i, ur_field_type_str[i], i);
   }
   assert_int_equal(ur_define_set_of_fields(format), UR_OK);
   ur_template_t *t = ur_create_template_from_ifc_spec(format);
   ur_layout_t *l = ur_layout_create(format);
   char *rec = ur_create_record(t, 0);
   assert_int_equal(ur_layout_count(l), t->count);
   for (int i = 0; i < t->count; i++) {
      uint16_t length;
      const char *at = ur_layout_get(l, rec, i, &length);
      assert_string_equal(ur_layout_name(l, i), ur_get_name(t->ids[i]));
      assert_int_equal(ur_layout_type(l, i), ur_get_type(t->ids[i]));
      if (ur_is_fixlen(t->ids[i])) {
         assert_int_equal(at - rec, t->offset[t->ids[i]]);
         assert_int_equal(length, ur_get_size(t->ids[i]));
      } else {
         assert_int_equal(at - rec, t->static_size);
         assert_int_equal(length, 0);
      }
   }
   ur_layout_free(l);
   ur_free_record(rec);
   ur_free_template(t);
   ur_finalize();
}

static void invalid_formats_are_refused(void **state)
{
   static const char *const invalid[] = {"uint32",     "uint99 A",  "uint32 A,uint64 A",
                                         "uint32 A,,", "uint32 1A", "uint32 A-B"};
   (void) state;
   for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
      errno = 0;
      assert_null(ur_layout_create(invalid[i]));
      assert_int_equal(errno, EINVAL);
   }
   assert_null(ur_layout_create(NULL));
   ur_layout_t *l = ur_layout_create("uint32 A,uint8 B,uint32 A");
   assert_int_equal(ur_layout_count(l), 2);
   ur_layout_free(l);
   l = ur_layout_create("");
   assert_int_equal(ur_layout_count(l), 0);
   assert_int_equal(ur_layout_check(l, "", 0), 1);
   ur_layout_free(l);
   ur_layout_free(NULL);
   char *longest = malloc(5000 * 16), *p = longest;
   for (int i = 0; i < 5000; i++) {
      p += sprintf(p, "%sipaddr A%d", i > 0 ? "," : "", i);
   }
   assert_null(ur_layout_create(longest));
   assert_int_equal(errno, EMSGSIZE);
   free(longest);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(formats_may_contradict_each_other),
       cmocka_unit_test(layouts_are_those_of_templates),
       cmocka_unit_test(invalid_formats_are_refused),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
