/* SPDX-License-Identifier: BSD-3-Clause */
/* TRAP_RECEIVE: format changes, formats that contradict the module, records that do not fit; layouts that are ABI. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include <pthread.h>
#include <unirec/unirec.h>

#include "fields.h"

/* Modules and their binaries read these members themselves. */
#define AT(type, member, at) _Static_assert(offsetof(type, member) == (at), #type "." #member " has moved")
_Static_assert(sizeof(ur_field_specs_t) == 48, "size of ur_field_specs_t");
AT(ur_field_specs_t, ur_field_sizes, 8);
AT(ur_field_specs_t, ur_field_types, 16);
AT(ur_field_specs_t, ur_last_statically_defined_id, 24);
AT(ur_field_specs_t, ur_last_id, 26);
AT(ur_field_specs_t, ur_allocated_fields, 28);
AT(ur_field_specs_t, ur_undefine_fields, 32);
AT(ur_field_specs_t, intialized, 40);
AT(ur_static_field_specs_t, ur_last_id, 24);
_Static_assert(sizeof(ur_template_t) == 40, "size of ur_template_t");
AT(ur_template_t, offset_size, 8);
AT(ur_template_t, ids, 16);
AT(ur_template_t, first_dynamic, 24);
AT(ur_template_t, count, 26);
AT(ur_template_t, static_size, 28);
AT(ur_template_t, direction, 32);
AT(ur_template_t, ifc_out, 36);
_Static_assert(sizeof(ip_addr_t) == 16 && _Alignof(ip_addr_t) == 8, "ip_addr_t");
_Static_assert(sizeof(mac_addr_t) == 6 && _Alignof(mac_addr_t) == 1, "mac_addr_t");
_Static_assert(sizeof(ur_time_t) == 8 && sizeof(ur_field_id_t) == 2, "ur_time_t, ur_field_id_t");
_Static_assert(offsetof(field_spec_t, size) == 8 && offsetof(field_spec_t, id) == 12, "field_spec_t");

static char file[] = "/tmp/unirec-receive-XXXXXX";

/* The interfaces "f:FILE" and what follows. */
static trap_ctx_t *context(int inputs, int outputs, const char *more)
{
   char spec[128];
   snprintf(spec, sizeof(spec), "f:%s%s", file, more);
   trap_ctx_t *ctx = trap_ctx_init3("test", "test", (int8_t) inputs, (int8_t) outputs, spec, NULL);
   assert_non_null(ctx);
   assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_OK);
   return ctx;
}

/* A file of messages in a format. */
static void write_messages(const char *format, const void *messages, uint16_t size, int n)
{
   trap_ctx_t *ctx = context(0, 1, ":w");
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_UNIREC, format);
   for (int i = 0; i < n; i++) {
      assert_int_equal(trap_ctx_send(ctx, 0, (const char *) messages + i * size, size), TRAP_E_OK);
   }
   trap_ctx_finalize(&ctx);
}

static void new_format_brings_all_fields_of_the_sender(void **state)
{
   const uint8_t messages[2][10] = {{7, 0, 0, 0, 0, 0, 0, 0, 80, 0}, {8, 0, 0, 0, 0, 0, 0, 0, 187, 1}};
   write_messages("uint64 BYTES,uint16 PORT", messages, 10, 2);
   trap_ctx_t *ctx = context(1, 1, ",b:");
   ur_template_t *t = ur_ctx_create_bidirectional_template(ctx, 0, 0, "PORT", NULL);
   const void *data;
   uint16_t size;
   assert_int_equal(TRAP_CTX_RECEIVE(ctx, 0, data, size, t), TRAP_E_FORMAT_CHANGED);
   assert_int_equal(ur_get(t, data, F_PORT), 80);
   assert_true(ur_is_present(t, F_BYTES) && ur_get(t, data, F_BYTES) == 7);
   assert_int_equal(t->direction, UR_TMPLT_DIRECTION_BI);
   const char *spec = NULL;
   uint8_t type = 0;
   assert_int_equal(trap_ctx_get_data_fmt(ctx, TRAPIFC_OUTPUT, 0, &type, &spec), TRAP_E_OK);
   assert_string_equal(spec, "uint64 BYTES,uint16 PORT");
   assert_int_equal(TRAP_CTX_RECEIVE(ctx, 0, data, size, t), TRAP_E_OK);
   assert_int_equal(ur_get(t, data, F_PORT), 443);
   ur_free_template(t);
   trap_ctx_finalize(&ctx);
}

static void contradicting_format_is_an_error_and_the_template_stays(void **state)
{
   const uint8_t message[12] = {0};
   write_messages("uint64 BYTES,uint32 PORT", message, 12, 1);
   trap_ctx_t *ctx = context(1, 0, "");
   ur_template_t *t = ur_ctx_create_input_template(ctx, 0, "BYTES", NULL), *before = t;
   const void *data;
   uint16_t size;
   assert_int_equal(TRAP_CTX_RECEIVE(ctx, 0, data, size, t), TRAP_E_FORMAT_MISMATCH);
   assert_ptr_equal(t, before);
   assert_int_equal(t->static_size, 8);
   ur_free_template(t);
   trap_ctx_finalize(&ctx);
}

static void records_that_do_not_fit_are_never_shown(void **state)
{
   /* PORT, descriptor of NAME, its data: the second points past the end of the message, the third is too short for its fields. */
   const uint8_t messages[3][10] = {{1, 0, 0, 0, 4, 0, 'g', 'o', 'o', 'd'},
                                    {2, 0, 0, 0, 200, 0, 'e', 'v', 'i', 'l'},
                                    {3, 0, 200, 200, 4, 0, 'e', 'v', 'i', 'l'}};
   write_messages("uint16 PORT,string NAME", messages, 10, 3);
   trap_ctx_t *ctx = context(1, 0, "");
   ur_template_t *t = ur_ctx_create_input_template(ctx, 0, "PORT", NULL);
   const void *data;
   uint16_t size;
   int shown = 0, rc;
   while ((rc = TRAP_CTX_RECEIVE(ctx, 0, data, size, t)) == TRAP_E_OK || rc == TRAP_E_FORMAT_CHANGED) {
      if (size <= 1) {
         break;
      }
      assert_int_equal(ur_get(t, data, F_PORT), 1);
      shown++;
   }
   assert_int_equal(shown, 1);
   ur_free_template(t);
   trap_ctx_finalize(&ctx);
}

static volatile int stop;

static void *read_records(void *arg)
{
   ur_template_t *t = ur_create_template("PORT,NAME", NULL);
   void *rec = ur_create_record(t, 100);
   uintptr_t bad = 0;
   while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
      ur_set_string(t, rec, F_NAME, "text");
      bad +=
          !ur_is_varlen(F_NAME) || ur_get_var_len(t, rec, F_NAME) != 4 || ur_get_id_by_name("PORT") != F_PORT;
   }
   ur_free_record(rec);
   ur_free_template(t);
   return (void *) bad;
}

static void fields_are_defined_while_others_read_records(void **state)
{
   pthread_t threads[2];
   for (int i = 0; i < 2; i++) {
      assert_int_equal(pthread_create(&threads[i], NULL, read_records, NULL), 0);
   }
   for (int i = 0; i < 3000; i++) {
      char name[32];
      snprintf(name, sizeof(name), "FRESH_%d", i);
      assert_true(ur_define_field(name, UR_TYPE_UINT32) >= 0);
   }
   __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
   for (int i = 0; i < 2; i++) {
      void *bad = NULL;
      pthread_join(threads[i], &bad);
      assert_null(bad);
   }
   ur_finalize();
}

static void record_that_knows_its_room_refuses_what_is_too_long(void **state)
{
   ur_template_t *t = ur_create_template("NAME,RAW,HOSTS,PORT", NULL),
                 *other = ur_create_template("NAME,PORT", NULL);
   void *large = ur_create_record(other, 1000);
   ur_record_t r;
   assert_int_equal(ur_record_init(&r, t, 40), UR_OK);
   assert_int_equal(ur_record_set_var(&r, F_NAME, "0123456789", 10), UR_OK);
   assert_int_equal(ur_record_set_var(&r, F_RAW, "0123456789012345678901234567890", 31), UR_E_TOO_LONG);
   assert_int_equal(ur_record_set_from_string(&r, F_HOSTS, "10.0.0.1"), 0);
   assert_int_equal(ur_record_set_from_string(&r, F_HOSTS, "10.0.0.1 10.0.0.2"), 1);
   assert_int_equal(ur_record_set_from_string(&r, F_RAW, "00112233445566778899aabbccddee"), 1);
   assert_int_equal(ur_record_array_resize(&r, F_HOSTS, 32), UR_E_TOO_LONG);
   ur_set(other, large, F_PORT, 5);
   ur_set_string(other, large, F_NAME, "a name that is longer than the room of the record");
   assert_int_equal(ur_record_copy_fields(&r, other, large), UR_E_TOO_LONG);
   assert_int_equal(ur_get(t, r.data, F_PORT), 5); /* what fits is copied */
   assert_int_equal(ur_get_var_len(t, r.data, F_NAME), 10);
   assert_true(ur_rec_check(t, r.data, r.room));
   ur_record_free(&r);
   ur_free_record(large);
   ur_free_template(t);
   ur_free_template(other);
}

int main(void)
{
   int fd = mkstemp(file);
   if (fd < 0) {
      return 1;
   }
   close(fd);
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(new_format_brings_all_fields_of_the_sender),
       cmocka_unit_test(contradicting_format_is_an_error_and_the_template_stays),
       cmocka_unit_test(records_that_do_not_fit_are_never_shown),
       cmocka_unit_test(fields_are_defined_while_others_read_records),
       cmocka_unit_test(record_that_knows_its_room_refuses_what_is_too_long),
   };
   int failed = cmocka_run_group_tests(tests, NULL, NULL);
   unlink(file);
   return failed;
}
