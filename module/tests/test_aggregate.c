/* SPDX-License-Identifier: BSD-3-Clause */
/** Functions of nemea/aggregate.h over all types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <nemea/aggregate.h>

#include <cmocka.h>

#define FIELDS "uint8 A,int16 B,uint64 C,float D,char E,ipaddr F,time G,string H,uint8* I"

struct rig {
   ur_template_t *tmplt;
   void *record, *result;
   uint64_t bytes;
};

static void open_rig(struct rig *r)
{
   *r = (struct rig){.tmplt = NULL};
   assert_int_equal(ur_define_set_of_fields(FIELDS), UR_OK);
   r->tmplt = ur_create_template("A,B,C,D,E,F,G,H,I", NULL);
   assert_non_null(r->tmplt);
   r->record = ur_create_record(r->tmplt, 100);
   r->result = ur_create_record(r->tmplt, 100);
}

static void close_rig(struct rig *r)
{
   assert_int_equal(r->bytes, 0);
   ur_free_record(r->record);
   ur_free_record(r->result);
   ur_free_template(r->tmplt);
   ur_finalize();
}

static nm_column_t column(const struct rig *r, const char *name, enum nm_aggregate function)
{
   nm_column_t c = {.name = name, .function = function};
   assert_true(nm_field_find(&c.in, r->tmplt, name));
   c.out = c.in;
   return c;
}

/* Three records whose field has these values, as integers. \return the result as an integer */
static int64_t integers(struct rig *r, const char *name, enum nm_aggregate function, const int64_t values[3])
{
   uint64_t value[2] = {0};
   nm_column_t c = column(r, name, function);
   assert_true(nm_column_set_type(&c, true));
   assert_true(nm_column_size(&c) <= sizeof(value));
   for (int i = 0; i < 3; i++) {
      assert_int_equal(nm_field_set(&c.in, r->tmplt, r->record, &values[i], c.in.size),
                       UR_OK); /* little endian */
      assert_true(i == 0 ? nm_column_start(&c, value, r->record, &r->bytes)
                         : nm_column_add(&c, value, r->record, &r->bytes));
   }
   assert_true(nm_column_result(&c, value, 3, r->tmplt, r->result));
   return nm_field_i64(&c.out, r->result);
}

static void functions_of_integers(void **state)
{
   static const int64_t small[3] = {200, 100, 0}, negative[3] = {-10, -10, -7}, large[3] = {-1, -1, -4};
   struct rig r;
   (void) state;
   open_rig(&r);
   assert_int_equal(integers(&r, "A", NM_AGG_SUM, small), 44); /* wraps */
   assert_int_equal(integers(&r, "A", NM_AGG_AVG, small), 100);
   assert_int_equal(integers(&r, "A", NM_AGG_MIN, small), 0);
   assert_int_equal(integers(&r, "A", NM_AGG_MAX, small), 200);
   assert_int_equal(integers(&r, "A", NM_AGG_OR, small), 200 | 100);
   assert_int_equal(integers(&r, "A", NM_AGG_AND, small), 0);
   assert_int_equal(integers(&r, "A", NM_AGG_FIRST, small), 200);
   assert_int_equal(integers(&r, "A", NM_AGG_LAST, small), 0);
   assert_int_equal(integers(&r, "A", NM_AGG_LAST_SET, small), 100);
   assert_int_equal(integers(&r, "B", NM_AGG_AVG, negative), -9);
   assert_int_equal(integers(&r, "B", NM_AGG_MIN, negative), -10);
   assert_int_equal(integers(&r, "B", NM_AGG_MAX, negative), -7);
   assert_int_equal(integers(&r, "C", NM_AGG_AVG, large), -2); /* of unsigned numbers: 2^64 - 2 */
   assert_int_equal(integers(&r, "C", NM_AGG_MAX, large), -1);
   assert_int_equal(integers(&r, "E", NM_AGG_SUM, small), 44);
   assert_int_equal(integers(&r, "G", NM_AGG_MIN, large), -4);
   close_rig(&r);
}

/* What a function cannot work with takes the first value, and so does what the module does not want. */
static void functions_of_other_types(void **state)
{
   static const struct {
      const char *name;
      enum nm_aggregate function;
      bool good;
   } cases[] = {
       {"F", NM_AGG_SUM, false}, {"G", NM_AGG_AVG, false},      {"D", NM_AGG_OR, false},
       {"H", NM_AGG_MAX, false}, {"I", NM_AGG_MIN, false},      {"F", NM_AGG_MIN, true},
       {"H", NM_AGG_LAST, true}, {"I", NM_AGG_FIRST_SET, true}, {"D", NM_AGG_SUM, true},
       {"F", NM_AGG_KEY, true},  {"H", NM_AGG_LAST_SET, true},
   };
   struct rig r;
   (void) state;
   open_rig(&r);
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_column_t c = column(&r, cases[i].name, cases[i].function);
      assert_int_equal(nm_column_set_type(&c, true), cases[i].good);
      assert_int_equal(c.action == 0, !cases[i].good || cases[i].function == NM_AGG_KEY);
      assert_int_equal(c.store == NM_STORE_VARIABLE, cases[i].name[0] >= 'H');
      bool without = cases[i].function == NM_AGG_KEY;
      assert_int_equal(nm_column_set_type(&c, false), without);
      assert_int_equal(c.action, 0);
   }
   close_rig(&r);
}

/* Texts are kept as long as the entry, and counted. */
static void texts(void **state)
{
   static const char *const values[] = {"", "long enough", "b", ""};
   static const struct {
      enum nm_aggregate function;
      const char *result;
   } cases[] = {
       {NM_AGG_FIRST, ""}, {NM_AGG_FIRST_SET, "long enough"}, {NM_AGG_LAST_SET, "b"}, {NM_AGG_LAST, ""}};
   struct rig r;
   (void) state;
   open_rig(&r);
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_variable_t value = {0};
      nm_column_t c = column(&r, "H", cases[i].function);
      assert_true(nm_column_set_type(&c, true));
      for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
         nm_field_set(&c.in, r.tmplt, r.record, values[k], (uint32_t) strlen(values[k]));
         assert_true(k == 0 ? nm_column_start(&c, &value, r.record, &r.bytes)
                            : nm_column_add(&c, &value, r.record, &r.bytes));
         assert_int_equal(r.bytes, value.length);
      }
      assert_true(nm_column_result(&c, &value, 4, r.tmplt, r.result));
      uint32_t length;
      const char *text = nm_field_data(&c.out, r.result, &length);
      assert_int_equal(length, strlen(cases[i].result));
      assert_memory_equal(text, cases[i].result, length);
      nm_variable_free(&value, &r.bytes);
   }
   close_rig(&r);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(functions_of_integers),
       cmocka_unit_test(functions_of_other_types),
       cmocka_unit_test(texts),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
