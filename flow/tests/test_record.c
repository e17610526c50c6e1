/* SPDX-License-Identifier: BSD-3-Clause */
/** The record that plugins fill is what ur_set_var() makes of the same values, in whatever order they are set. */
#include "cache/plugin_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIELDS 6

static const char spec[] =
    "uint32 RT_NUMBER,string RT_A,bytes RT_B,string RT_C,uint16* RT_D,uint32* RT_E,time* RT_F";
static const char *const names[FIELDS] = {"RT_A", "RT_B", "RT_C", "RT_D", "RT_E", "RT_F"}; /* as in records */

struct both {
   ur_template_t *t;
   int field[FIELDS];
   struct plugin_record *record;
   void *rec;      /* of it */
   void *expected; /* set with ur_set_var() */
};

static struct both both_new(void)
{
   struct both b;
   assert_int_equal(ur_define_set_of_fields(spec), UR_OK);
   b.t = ur_create_template_from_ifc_spec(spec);
   assert_non_null(b.t);
   for (unsigned i = 0; i < FIELDS; i++) {
      b.field[i] = ur_get_id_by_name(names[i]);
   }
   b.record = malloc(sizeof(*b.record));
   b.rec = plugin_record_begin(b.t, b.record);
   b.expected = ur_create_record(b.t, UR_MAX_SIZE);
   return b;
}

static void both_begin(struct both *b)
{
   memset(b->record->bytes, 0xa5, sizeof(b->record->bytes));
   assert_ptr_equal(plugin_record_begin(b->t, b->record), b->rec);
   memset(b->expected, 0, b->t->static_size);
}

static void both_set(struct both *b, unsigned field, const void *value, size_t n)
{
   plugin_set_var(b->t, b->rec, b->field[field], value, n);
   ur_set_var(b->t, b->expected, b->field[field], value, (int) n);
}

static void both_check(struct both *b)
{
   uint16_t size = plugin_record_end(b->t, b->record);
   assert_int_equal(size, ur_rec_size(b->t, b->expected));
   assert_memory_equal(b->rec, b->expected, size);
   assert_true(ur_rec_check(b->t, b->rec, size));
}

static void both_free(struct both *b)
{
   ur_free_record(b->expected);
   free(b->record);
   ur_free_template(b->t);
}

static void fields_in_order_and_against_it(void **state)
{
   struct both b = both_new();
   (void) state;
   for (unsigned against = 0; against < 2; against++) {
      both_begin(&b);
      for (unsigned i = 0; i < FIELDS; i++) {
         unsigned field = against ? FIELDS - 1 - i : i;
         both_set(&b, field, "abcdefghijklmnopqrstuvwx", 8 * (size_t) (field % 3 + 1));
      }
      both_check(&b);
   }
   both_begin(&b);
   both_check(&b); /* all empty */
   both_set(&b, 4, "abcd", 4);
   both_check(&b); /* empty ones on both sides */
   both_free(&b);
}

static void another_value_takes_the_place_of_the_first(void **state)
{
   struct both b = both_new();
   (void) state;
   for (unsigned length = 0; length <= 16; length += 8) {
      both_begin(&b);
      both_set(&b, 5, "after it", 8);
      both_set(&b, 1, "01234567", 8);
      both_set(&b, 1, "the other value ", length);
      both_set(&b, 0, "before", 6);
      both_check(&b);
   }
   both_free(&b);
}

static void what_does_not_fit_is_left_out(void **state)
{
   struct both b = both_new();
   char *value = calloc(1, UR_MAX_SIZE + 1);
   size_t room = UR_MAX_SIZE - b.t->static_size;
   (void) state;
   both_begin(&b);
   both_set(&b, 2, value, room + 1);
   both_set(&b, 1, "fits", 4);
   both_set(&b, 0, value, UR_MAX_SIZE + 1);
   both_set(&b, 2, value, room - 3);
   both_set(&b, 2, value, room - 4);
   both_set(&b, 0, "x", 1);
   both_set(&b, 1, "longer", 6);
   both_check(&b);
   assert_int_equal(plugin_record_end(b.t, b.record), UR_MAX_SIZE);
   free(value);
   both_free(&b);
}

static void any_sequence_of_sets(void **state)
{
   struct both b = both_new();
   char value[4096];
   uint32_t seed = 1;
   (void) state;
   for (unsigned run = 0; run < 2000; run++) {
      both_begin(&b);
      for (unsigned set = 0; set < run % 20; set++) {
         seed = seed * 1664525 + 1013904223;
         size_t longest = run % 10 == 0 ? sizeof(value) : 64, n = (seed >> 8) % longest;
         memset(value, (int) (set + 'a'), n);
         both_set(&b, (seed >> 24) % FIELDS, value, n);
      }
      both_check(&b);
   }
   both_free(&b);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(fields_in_order_and_against_it),
       cmocka_unit_test(another_value_takes_the_place_of_the_first),
       cmocka_unit_test(what_does_not_fit_is_left_out),
       cmocka_unit_test(any_sequence_of_sets),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
