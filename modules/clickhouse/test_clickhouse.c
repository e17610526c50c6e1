/* SPDX-License-Identifier: BSD-3-Clause */
/** Rows of clickhouse, byte by byte, and its configuration. */
#include <nemea/module_cmocka.h>

#include "config.h"
#include "rows.h"

/* A module that writes the field X of each record as a row. */
struct writer {
   nm_field_t field;
};
static struct block block;

static int init(nm_module_t *m)
{
   struct writer *self = nm_self(m);
   return nm_field_bind(m, &self->field, 0, "X", true);
}

static int record(nm_module_t *m, const void *rec)
{
   const struct writer *self = nm_self(m);
   return rows_add(&block, &self->field, rec) ? NM_OK : nm_fail(m, "out of memory");
}

NM_MODULE("writer", "Writes the field X.", .in = NM_INPUTS({"records", NM_ANY_FORMAT}),
          .state_size = sizeof(struct writer), .init = init, .record = record)

/* A record whose field X has this type and value gives these bytes, as hexadecimal digits. */
static void expect(const char *type, const char *value, const char *hex)
{
   char format[64], got[2048] = "";
   snprintf(format, sizeof(format), "%s X", type);
   nm_test_t *t = nm_unit_start("", format);
   block.size = 0;
   nm_unit_feed(t, value);
   for (size_t i = 0; i < block.size && 2 * i + 2 < sizeof(got); i++) {
      snprintf(got + 2 * i, 3, "%02x", block.data[i]);
   }
   if (strcmp(got, hex) != 0) {
      fail_msg("%s %s: %s, expected %s", type, value, got, hex);
   }
   nm_test_free(t);
}

static void rows_are_row_binary(void **state)
{
   (void) state;
   expect("uint8", "200", "c8");
   expect("int8", "-2", "fe");
   expect("char", "A", "41");
   expect("uint16", "513", "0102");
   expect("int16", "-2", "feff");
   expect("uint32", "4294967295", "ffffffff");
   expect("int32", "-2", "feffffff");
   expect("uint64", "18446744073709551615", "ffffffffffffffff");
   expect("int64", "-2", "feffffffffffffff");
   expect("float", "1.5", "0000c03f");
   expect("double", "-2", "00000000000000c0");
   expect("ipaddr", "192.0.2.1", "00000000000000000000ffffc0000201");
   expect("ipaddr", "2001:db8::1", "20010db8000000000000000000000001");
   expect("macaddr", "01:02:03:04:05:06", "06010203040506");
   expect("time", "2024-01-01T00:00:00.5", "0065321f1710a617");
   expect("time", "1970-01-01T00:00:00", "0000000000000000");
   expect("string", "\"abc\"", "03616263");
   expect("string", "\"\"", "00");
   expect("bytes", "00ff", "0200ff");
   expect("uint16*", "[80|443]", "025000bb01");
   expect("uint16*", "[]", "00");
   expect("int8*", "[-1]", "01ff");
   expect("double*", "[1]", "01000000000000f03f");
   expect("ipaddr*", "[192.0.2.1]", "0100000000000000000000ffffc0000201");
   expect("macaddr*", "[01:02:03:04:05:06]", "0106010203040506");
   expect("time*", "[1970-01-01T00:00:01]", "0100ca9a3b00000000");
}

static void lengths_take_seven_bits_a_byte(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("", "string X");
   static const struct {
      size_t length;
      uint8_t bytes[3];
      size_t n;
   } cases[] = {
       {127, {0x7f}, 1}, {128, {0x80, 0x01}, 2}, {16383, {0xff, 0x7f}, 2}, {16384, {0x80, 0x80, 0x01}, 3}};
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      size_t length = cases[i].length;
      char *text = malloc(length + 3);
      assert_non_null(text);
      memset(text, 'y', length + 2);
      text[0] = text[length + 1] = '"';
      text[length + 2] = 0;
      block.size = 0;
      nm_unit_feed(t, text);
      free(text);
      assert_int_equal(block.size, length + cases[i].n);
      assert_memory_equal(block.data, cases[i].bytes, cases[i].n);
   }
   nm_test_free(t);
}

static void columns_of_older_servers_fit(void **state)
{
   (void) state;
   assert_string_equal(rows_type(UR_TYPE_A_MAC), "Array(Array(UInt8))");
   assert_true(rows_type_fits(UR_TYPE_IP, "IPv6"));
   assert_true(rows_type_fits(UR_TYPE_IP, "FixedString(16)"));
   assert_false(rows_type_fits(UR_TYPE_IP, "FixedString(15)"));
   assert_false(rows_type_fits(UR_TYPE_IP, "String"));
   assert_true(rows_type_fits(UR_TYPE_TIME, "Int64"));
   assert_false(rows_type_fits(UR_TYPE_TIME, "DateTime"));
   assert_false(rows_type_fits(UR_TYPE_TIME, "DateTime64(3)"));
   assert_true(rows_type_fits(UR_TYPE_A_TIME, "Array(Int64)"));
   assert_true(rows_type_fits(UR_TYPE_A_IP, "Array(FixedString(16))"));
   assert_false(rows_type_fits(UR_TYPE_A_IP, "FixedString(16)"));
   assert_false(rows_type_fits(UR_TYPE_UINT64, "Int64"));
}

static void wrong_configurations_name_the_line(void **state)
{
   (void) state;
#define CONNECTION "connection:\n  endpoints: [{host: a}]\n  database: d\n  table: t\n"
#define COLUMNS    "columns: [ipaddr SRC_IP]\n"
   static const char *const wrong[][2] = {
       {"", ""},
       {COLUMNS, "connection"},
       {CONNECTION, "columns"},
       {CONNECTION "columns: []\n", "columns"},
       {CONNECTION "columns: [address SRC_IP]\n", "line 5"},
       {CONNECTION "columns: [ipaddr]\n", "line 5"},
       {CONNECTION "columns: [ipaddr A, uint8 A]\n", "A"},
       {CONNECTION COLUMNS "blocks: none\n", "line 6: blocks"},
       {CONNECTION COLUMNS "inserterThreads: 0\n", "line 6: inserterThreads"},
       {CONNECTION COLUMNS "colour: red\n", "line 6"},
       {CONNECTION COLUMNS "blocks: [\n", "line"},
   };
   char why[CONFIG_WHY];
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      struct config *c = config_read(wrong[i][0], strlen(wrong[i][0]), why);
      if (c != NULL || strstr(why, wrong[i][1]) == NULL || *why == 0) {
         fail_msg("%s: \"%s\" is not in \"%s\"", wrong[i][0], wrong[i][1], c != NULL ? "(no error)" : why);
      }
   }
   const char *good = CONNECTION COLUMNS "inserterThreads: 3\n";
   struct config *c = config_read(good, strlen(good), why);
   assert_non_null(c);
   assert_int_equal(c->inserter_threads, 3);
   assert_string_equal(c->endpoints[0], "http://a:8123");
   config_free(c);
}

static int release(void **state)
{
   (void) state;
   free(block.data);
   return 0;
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(rows_are_row_binary),
       cmocka_unit_test(lengths_take_seven_bits_a_byte),
       cmocka_unit_test(columns_of_older_servers_fit),
       cmocka_unit_test(wrong_configurations_name_the_line),
   };
   return cmocka_run_group_tests(tests, NULL, release);
}
