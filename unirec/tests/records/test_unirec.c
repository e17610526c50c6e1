/* SPDX-License-Identifier: BSD-3-Clause */
/* Records, templates and text: recorded ones both ways, and faults of the original. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unirec/unirec.h>
#include <unirec/unirec2csv.h>

#include "fields.h"

UR_FIELDS(ipaddr SRC_IP, uint64 BYTES, uint16 PORT, time TIME_FIRST, macaddr MAC, double RATIO, uint8 FLAG,
          string NAME, bytes RAW, uint32 *LIST, ipaddr *HOSTS, uint8 *OCTETS)

/* ---------------------------------------------------------------- recorded */

struct bytes {
   size_t n;
   uint8_t data[70000];
};

static bool load(const char *name, const char *suffix, struct bytes *b)
{
   char path[600];
   snprintf(path, sizeof(path), GOLDEN "/unirec/%s.%s", name, suffix);
   FILE *f = fopen(path, "rb");
   if (f == NULL) {
      return false;
   }
   b->n = fread(b->data, 1, sizeof(b->data) - 1, f);
   b->data[b->n] = 0;
   fclose(f);
   return true;
}

static const char *const recorded[] = {
    "g01_all_fixed", "g02_all_fixed_extreme", "g03_zero",       "g04_all_var",     "g05_all_var_empty",
    "g06_one_var",   "g07_var_order",         "g08_var_resize", "g09_text_escape", "g10_flow_v4",
    "g11_flow_v6",   "g12_copy_fields",       "g13_max",        "g14_from_string", "g15_empty_template"};

/* Text that cannot be read back exactly: escapes drop bytes, floats have six decimals, times microseconds. */
static bool text_is_lossy(const char *name)
{
   return strcmp(name, "g02_all_fixed_extreme") == 0 || strcmp(name, "g09_text_escape") == 0 ||
          strcmp(name, "g01_all_fixed") == 0 || strcmp(name, "g04_all_var") == 0 ||
          strcmp(name, "g14_from_string") == 0;
}

static void check_text(const char *name, ur_template_t *t, const struct bytes *bin)
{
   static struct bytes csv;
   static char rec[UR_MAX_SIZE];
   urcsv_t *c = urcsv_init(t, ',');
   if (load(name, "csv", &csv)) {
      char *line = strchr((char *) csv.data, '\n');
      *line++ = 0;
      line[strcspn(line, "\n")] = 0;
      char *header = urcsv_header(c), *text = urcsv_record(c, bin->data);
      assert_string_equal(header, (const char *) csv.data);
      /* The recorded line of g03 ends at the NUL of a char; here the column is empty and the rest follows. */
      assert_int_equal(strncmp(text, line, strlen(line)), 0);
      assert_true(strlen(text) == strlen(line) || strcmp(name, "g03_zero") == 0);
      ur_field_id_t bad = 0;
      if (urcsv_parse(t, rec, text, (char) 44, NULL, 0, &bad) != 0) {
         fail_msg("%s: field %s of \"%s\"", name, ur_get_name(bad), text);
      }
      char *again = urcsv_record(c, rec);
      if (strcmp(name, "g02_all_fixed_extreme") != 0) {
         assert_string_equal(again, text);
      }
      if (!text_is_lossy(name)) {
         void *canonical = ur_clone_record(t, bin->data);
         assert_memory_equal(rec, canonical, ur_rec_size(t, canonical));
         ur_free_record(canonical);
      }
      free(header);
      free(text);
      free(again);
   }
   urcsv_free(&c);
}

static void recorded_records_both_ways(void **state)
{
   static struct bytes spec, bin;
   for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
      assert_true(load(recorded[i], "template", &spec) && load(recorded[i], "bin", &bin));
      char *typed = (char *) spec.data;
      typed[strcspn(typed, "\r\n")] = 0;
      ur_template_t *t = ur_define_fields_and_update_template(typed, NULL);
      assert_non_null(t);
      char *text = ur_template_string(t);
      assert_string_equal(text, typed);
      free(text);
      assert_true(ur_rec_check(t, bin.data, (uint32_t) bin.n));
      assert_int_equal(ur_rec_size(t, bin.data), bin.n);
      /* Rewritten field by field, last field first: the same bytes except for offsets of empty fields. */
      char *rec = ur_create_record(t, UR_MAX_SIZE);
      for (int k = t->count - 1; k >= 0; k--) {
         int id = t->ids[k];
         if (ur_is_varlen(id)) {
            assert_int_equal(
                ur_set_var(t, rec, id, ur_get_ptr_by_id(t, bin.data, id), ur_get_var_len(t, bin.data, id)),
                0);
         } else {
            memcpy(ur_get_ptr_by_id(t, rec, id), ur_get_ptr_by_id(t, bin.data, id), (size_t) ur_get_size(id));
         }
      }
      assert_int_equal(ur_rec_size(t, rec), bin.n);
      if (strcmp(recorded[i], "g08_var_resize") != 0) {
         assert_memory_equal(rec, bin.data, bin.n);
      }
      ur_free_record(rec);
      check_text(recorded[i], t, &bin);
      ur_free_template(t);
   }
   ur_finalize();
}

/* ---------------------------------------------------------------- templates */

static void names_in_any_order_make_the_same_record(void **state)
{
   char *err = NULL;
   ur_template_t *a = ur_create_template("PORT, NAME ,\n SRC_IP,PORT,BYTES", &err);
   assert_non_null(a);
   assert_null(err);
   char *text = ur_template_string(a);
   assert_string_equal(text, "ipaddr SRC_IP,uint64 BYTES,uint16 PORT,string NAME");
   free(text);
   assert_int_equal(a->static_size, 16 + 8 + 2 + 4);
   assert_int_equal(a->first_dynamic, 3);
   ur_free_template(a);
   assert_null(ur_create_template("PORT,NOPE", &err));
   assert_string_equal(err, "field: NOPE is not defined.");
   free(err);
   assert_null(ur_create_template("PORT NAME", &err));
   assert_non_null(strstr(err, "comma"));
   free(err);
   assert_null(ur_create_template("PORT,,NAME", NULL));
   a = ur_create_template(NULL, NULL);
   assert_int_equal(a->count, 0);
   ur_free_template(a);
}

static void bad_definitions_leave_nothing_behind(void **state)
{
   assert_int_equal(ur_define_set_of_fields("uint8 NEW_A,uint9 NEW_B"), UR_E_INVALID_TYPE);
   assert_int_equal(ur_get_id_by_name("NEW_A"), UR_E_INVALID_NAME);
   assert_int_equal(ur_define_field("PORT", UR_TYPE_UINT32), UR_E_TYPE_MISMATCH);
   assert_int_equal(ur_define_field("9A", UR_TYPE_UINT32), UR_E_INVALID_NAME);
   assert_int_equal(ur_define_field("OK_NAME", (ur_field_type_t) 99), UR_E_INVALID_TYPE);
   int id = ur_define_field("OK_NAME", UR_TYPE_UINT32);
   assert_true(id >= 0);
   assert_int_equal(ur_define_field("OK_NAME", UR_TYPE_UINT32), id);
   assert_int_equal(ur_undefine_field("PORT"), UR_E_INVALID_NAME);
   assert_int_equal(ur_undefine_field("OK_NAME"), UR_OK);
   assert_int_equal(ur_undefine_field_by_id((ur_field_id_t) id), UR_E_INVALID_PARAMETER);
   assert_int_equal(ur_define_field("OTHER", UR_TYPE_STRING), id);
   ur_finalize();
   assert_int_equal(ur_get_id_by_name("OTHER"), UR_E_INVALID_NAME);
   assert_int_equal(ur_get_id_by_name("PORT"), F_PORT);
}

static void many_fields_are_found_again(void **state)
{
   char name[32], *spec = malloc(40000), *p = spec;
   for (int i = 0; i < 1000; i++) {
      p += sprintf(p, "%suint32 FIELD_%d", i > 0 ? "," : "", i);
   }
   ur_template_t *t = ur_define_fields_and_update_template(spec, NULL);
   assert_int_equal(t->count, 1000);
   assert_int_equal(t->static_size, 4000);
   for (int i = 0; i < 1000; i++) {
      snprintf(name, sizeof(name), "FIELD_%d", i);
      assert_true(ur_is_present(t, ur_get_id_by_name(name)));
   }
   assert_null(ur_expand_template("uint8 NOT_DEFINED", t));
   t = ur_expand_template("uint16 PORT", t);
   assert_int_equal(t->count, 1001);
   ur_free_template(t);
   p = spec;
   for (int i = 0; i < 5000; i++) {
      snprintf(name, sizeof(name), "WIDE_%d", i);
      assert_true(ur_define_field(name, UR_TYPE_IP) >= 0);
   }
   spec = realloc(spec, 200000);
   p = spec;
   for (int i = 0; i < 5000; i++) {
      p += sprintf(p, "%sipaddr WIDE_%d", i > 0 ? "," : "", i);
   }
   assert_null(ur_create_template_from_ifc_spec(spec)); /* 80000 bytes fixed */
   free(spec);
   ur_finalize();
}

/* ------------------------------------------------------------------ records */

static void a_record_that_points_outside_is_refused(void **state)
{
   ur_template_t *t = ur_create_template("PORT,NAME,RAW", NULL);
   char rec[64] = {0};
   ur_set_string(t, rec, F_NAME, "hello");
   uint32_t size = (uint32_t) ur_rec_size(t, rec);
   assert_true(ur_rec_check(t, rec, size));
   assert_false(ur_rec_check(t, rec, size - 1));
   assert_false(ur_rec_check(t, rec, t->static_size - 1u));
   ur_set_var_len(t, rec, F_NAME, 6);
   assert_false(ur_rec_check(t, rec, size));
   ur_set_var_len(t, rec, F_NAME, 5);
   ur_set_var_offset(t, rec, F_NAME, 65530);
   assert_false(ur_rec_check(t, rec, size));
   ur_free_template(t);
}

/* Otherwise a copy of ur_rec_size() bytes would reach past the message, or lose data of fields. */
static void a_record_whose_size_is_not_that_of_its_fields_is_refused(void **state)
{
   ur_template_t *t = ur_create_template("NAME,RAW", NULL);
   char rec[64] = {0};
   memcpy(rec + t->static_size, "rawname", 7);
   ur_set_var_offset(t, rec, F_NAME, 3);
   ur_set_var_len(t, rec, F_NAME, 4);
   ur_set_var_len(t, rec, F_RAW, 3);
   uint32_t size = t->static_size + 7u;
   assert_true(ur_rec_check(t, rec, size));     /* any order */
   assert_true(ur_rec_check(t, rec, size + 5)); /* bytes after the record */
   ur_set_var_len(t, rec, F_RAW, 4);            /* one byte in both */
   assert_false(ur_rec_check(t, rec, size));
   ur_set_var_len(t, rec, F_RAW, 2); /* one byte in none */
   assert_false(ur_rec_check(t, rec, size));
   ur_free_template(t);
}

static void data_in_unusual_order_survives_an_edit(void **state)
{
   ur_template_t *t = ur_create_template("NAME,RAW", NULL);
   char rec[128] = {0};
   memcpy(rec + t->static_size, "..name.raw", 10); /* gaps, and the second field first */
   ur_set_var_offset(t, rec, F_NAME, 2);
   ur_set_var_len(t, rec, F_NAME, 4);
   ur_set_var_offset(t, rec, F_RAW, 7);
   ur_set_var_len(t, rec, F_RAW, 3);
   assert_int_equal(ur_set_string(t, rec, F_NAME, "longer name"), UR_OK);
   assert_int_equal(ur_set_string(t, rec, F_RAW, "r"), UR_OK);
   assert_memory_equal(ur_get_ptr(t, rec, F_NAME), "longer name", 11);
   assert_memory_equal(ur_get_ptr(t, rec, F_RAW), "r", 1);
   assert_int_equal(ur_rec_size(t, rec), t->static_size + 12);
   ur_free_template(t);
}

static void no_field_grows_a_record_beyond_its_limit(void **state)
{
   static char big[70000];
   ur_template_t *t = ur_create_template("NAME,RAW,LIST", NULL);
   void *rec = ur_create_record(t, UR_MAX_SIZE);
   assert_int_equal(ur_set_var(t, rec, F_NAME, big, 70000), UR_E_TOO_LONG);
   assert_int_equal(ur_set_var(t, rec, F_NAME, big, -1), UR_E_INVALID_PARAMETER);
   assert_int_equal(ur_set_var(t, rec, F_PORT, big, 1), UR_E_INVALID_FIELD_ID);
   assert_int_equal(ur_set_var(t, rec, F_NAME, big, 65000), UR_OK);
   assert_int_equal(ur_set_var(t, rec, F_RAW, big, 600), UR_E_TOO_LONG);
   assert_int_equal(ur_array_allocate(t, rec, F_LIST, 1000), UR_E_TOO_LONG);
   assert_int_equal(ur_rec_size(t, rec), t->static_size + 65000);
   ur_free_record(rec);
   ur_free_template(t);
}

static void arrays_grow_with_zeros(void **state)
{
   ur_template_t *t = ur_create_template("NAME,LIST,HOSTS", NULL);
   void *rec = ur_create_record(t, UR_MAX_SIZE);
   ur_set_string(t, rec, F_NAME, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
   ur_set_string(t, rec, F_NAME, "x");
   ur_array_append(t, rec, F_LIST, 7);
   ur_array_set(t, rec, F_LIST, 3, 9);
   assert_int_equal(ur_array_get_elem_cnt(t, rec, F_LIST), 4);
   assert_int_equal(ur_array_get(t, rec, F_LIST, 0), 7);
   assert_int_equal(ur_array_get(t, rec, F_LIST, 1), 0);
   assert_int_equal(ur_array_get(t, rec, F_LIST, 3), 9);
   char *ip = ur_array_append_get_ptr(t, rec, F_HOSTS);
   ip_addr_t host = ip_from_int(0x01020304);
   memcpy(ip, &host, 16);
   assert_int_equal(ur_array_get_elem_cnt(t, rec, F_HOSTS), 1);
   ur_array_clear(t, rec, F_LIST);
   assert_int_equal(ur_rec_size(t, rec), t->static_size + 1 + 16);
   ur_free_record(rec);
   ur_free_template(t);
}

static void common_fields_are_copied_others_kept(void **state)
{
   ur_template_t *a = ur_create_template("SRC_IP,BYTES,PORT,NAME,RAW", NULL);
   ur_template_t *b = ur_create_template("BYTES,PORT,FLAG,RAW,LIST", NULL);
   ur_template_t *c = ur_create_template("RAW,PORT", NULL);
   void *ra = ur_create_record(a, 1000), *rb = ur_create_record(b, 1000), *rc = ur_create_record(c, 1000);
   ur_set(a, ra, F_BYTES, 1234567890123);
   ur_set(a, ra, F_PORT, 80);
   ur_set_string(a, ra, F_NAME, "name");
   ur_set_string(a, ra, F_RAW, "raw data");
   ur_set(b, rb, F_FLAG, 5);
   ur_array_append(b, rb, F_LIST, 42);
   for (int i = 0; i < 3; i++) {
      ur_copy_fields(b, rb, a, ra);
      ur_copy_fields(c, rc, a, ra);
   }
   assert_int_equal(ur_get(b, rb, F_BYTES), 1234567890123);
   assert_int_equal(ur_get(b, rb, F_PORT), 80);
   assert_int_equal(ur_get(b, rb, F_FLAG), 5);
   assert_int_equal(ur_get_var_len(b, rb, F_RAW), 8);
   assert_int_equal(ur_array_get(b, rb, F_LIST, 0), 42);
   assert_memory_equal(ur_get_ptr(c, rc, F_RAW), "raw data", 8);
   /* A template made where another was freed is another template. */
   for (int i = 0; i < 20; i++) {
      ur_template_t *d = ur_create_template(i % 2 ? "NAME,BYTES" : "BYTES,RAW,FLAG", NULL);
      void *rd = ur_create_record(d, 1000);
      ur_copy_fields(d, rd, a, ra);
      ur_copy_fields(a, ra, d, rd);
      assert_int_equal(ur_get(a, ra, F_BYTES), 1234567890123);
      assert_int_equal(ur_get_var_len(a, ra, F_RAW), 8);
      ur_free_record(rd);
      ur_free_template(d);
   }
   ur_free_record(ra);
   ur_free_record(rb);
   ur_free_record(rc);
   ur_free_template(a);
   ur_free_template(b);
   ur_free_template(c);
}

/* --------------------------------------------------------------------- text */

static void time_text(void **state)
{
   static const struct {
      const char *text;
      int rc;
      uint64_t value;
   } cases[] = {{"2018-06-27T16:52:54", 0, 0x5b33c0e600000000},
                {"2018-06-27T16:52:54z", 0, 0x5b33c0e600000000},
                {"2018-06-27T16:52:54.500Z", 0, 0x5b33c0e680000000},
                {"2018-06-27T16:52:54.123456789123Z", 0, 0x5b33c0e61f9add37},
                {"2018-06-27T16:52:54.", 0, 0x5b33c0e600000000},
                {" 2018-06-27T16:52:54", 0, 0x5b33c0e600000000},
                {"2018-06-27T23:59:60", 0, 0x5b34250000000000},
                {"2106-02-07T06:28:15", 0, 0xffffffff00000000},
                {"1970-01-01T00:00:00", 0, 0},
                {"2018-06-27T16:52:54.12ab", 1, 0},
                {"2018-02-30T00:00:00", 1, 0},
                {"1969-12-31T23:59:58", 1, 0},
                {"2106-02-07T06:28:16", 1, 0},
                {"2018-06-27 16:52:54", 1, 0},
                {"2018-06-27T16:52", 1, 0},
                {"", 1, 0}};
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      ur_time_t t = 7;
      assert_int_equal(ur_time_from_string(&t, cases[i].text), cases[i].rc);
      assert_true(t == cases[i].value);
   }
   assert_int_equal(ur_time_from_string(NULL, "x"), 2);
   for (uint32_t ns = 0; ns < 1000000000; ns += 9999991) {
      assert_int_equal(ur_time_get_nsec(ur_time_from_sec_nsec(1, ns)), ns);
   }
   assert_int_equal(ur_time_get_nsec(0xffffffff), 999999999);
}

static void addresses(void **state)
{
   ip_addr_t a, b;
   mac_addr_t m;
   char text[INET6_ADDRSTRLEN];
   assert_int_equal(ip_from_str("10.1.2.3", &a), 1);
   assert_true(ip_is4(&a) && ip_get_v4_as_int(&a) == 0x0a010203);
   assert_int_equal(ip_from_str("::ffff:1.2.3.4", &b), 1);
   assert_true(ip_is6(&b) && ip_cmp(&a, &b) != 0);
   ip_to_str(&b, text);
   assert_string_equal(text, "::ffff:1.2.3.4");
   assert_int_equal(ip_from_str("1.2.3", &a), 0);
   a = ip_from_int(0);
   assert_int_equal(ip_is_null(&a), 1);
   assert_int_equal(mac_from_str("1:2:3:a:B:c trailing", &m), 1);
   mac_to_str(&m, text);
   assert_string_equal(text, "01:02:03:0a:0b:0c");
   assert_int_equal(mac_from_str("1-2-3-4-5-6", &m), 0);
   assert_int_equal(mac_from_str("111:2:3:4:5:6", &m), 0);
}

static void text_longer_than_its_bytes_fits(void **state)
{
   ur_template_t *t = ur_create_template("NAME,RAW", NULL);
   void *rec = ur_create_record(t, UR_MAX_SIZE);
   static char quotes[30000];
   memset(quotes, '"', sizeof(quotes));
   ur_set_var(t, rec, F_NAME, quotes, sizeof(quotes));
   ur_set_var(t, rec, F_RAW, quotes, sizeof(quotes));
   urcsv_t *c = urcsv_init(t, ',');
   size_t n;
   urcsv_line(c, rec, &n);
   assert_int_equal(n, 2 * 30000 + 2 + 1 + 2 * 30000);
   urcsv_free(&c);
   ur_free_record(rec);
   ur_free_template(t);
}

static void the_largest_doubles_of_an_array_are_read_back(void **state)
{
   int id = ur_define_field("LARGEST", UR_TYPE_A_DOUBLE);
   ur_template_t *t = ur_create_template("LARGEST,PORT", NULL);
   void *rec = ur_create_record(t, 100), *again = ur_create_record(t, UR_MAX_SIZE);
   double values[] = {1.7976931348623157e308, -1e300, 0.5};
   ur_set_var(t, rec, id, values, sizeof(values));
   urcsv_t *c = urcsv_init(t, ',');
   assert_int_equal(urcsv_parse(t, again, urcsv_line(c, rec, NULL), ',', NULL, 0, NULL), 0);
   assert_int_equal(ur_get_var_len(t, again, id), sizeof(values));
   assert_memory_equal(ur_get_ptr_by_id(t, again, id), values, sizeof(values));
   urcsv_free(&c);
   ur_free_record(rec);
   ur_free_record(again);
   ur_free_template(t);
   ur_finalize();
}

static void bad_columns_are_refused(void **state)
{
   static const char *const bad[] = {"1.2.3,1,\"x\"",   "1.2.3.4,,\"x\"", "1.2.3.4", "1.2.3.4,1,\"x", "",
                                     "1.2.3.4,1,\"x\"y"};
   ur_template_t *t = ur_create_template("SRC_IP,PORT,NAME", NULL);
   ur_template_t *arrays = ur_create_template("HOSTS,LIST", NULL);
   void *rec = ur_create_record(t, UR_MAX_SIZE), *ra = ur_create_record(arrays, UR_MAX_SIZE);
   for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
      assert_int_equal(urcsv_parse(t, rec, bad[i], ',', NULL, 0, NULL), -1);
   }
   assert_int_equal(urcsv_parse(t, rec, "1.2.3.4,1,\"x\",9", ',', NULL, 0, NULL), 0);
   assert_int_equal(urcsv_parse(t, rec, "1.2.3.4,1", ',', NULL, 0, NULL), 0);
   assert_int_equal(ur_get_var_len(t, rec, F_NAME), 0);
   assert_int_equal(urcsv_parse(t, rec, "1.2.3.4,1,\"a,\"\"b\"", ',', NULL, 0, NULL), 0);
   assert_memory_equal(ur_get_ptr(t, rec, F_NAME), "a,\"b", 4);
   char word[200] = "1.1.1.1 ";
   memset(word + 8, '1', 100);
   strcpy(word + 108, " 2.2.2.2");
   assert_int_equal(ur_set_from_string(arrays, ra, F_HOSTS, word), 1);
   assert_int_equal(ur_array_get_elem_cnt(arrays, ra, F_HOSTS), 1);
   assert_int_equal(ur_set_from_string(arrays, ra, F_LIST, "]1["), 1);
   assert_int_equal(urcsv_parse(arrays, ra, "]1|2[[,", ',', NULL, 0, NULL), 0);
   assert_int_equal(ur_array_get_elem_cnt(arrays, ra, F_LIST), 2);
   ur_free_record(rec);
   ur_free_record(ra);
   ur_free_template(t);
   ur_free_template(arrays);
}

/* Reads a text as a column, and as the general function does. */
static void check_column(const ur_template_t *t, ur_field_id_t id, const char *text, const char *after)
{
   char line[200];
   uint8_t rec[64] = {0}, expected[64] = {0};
   int rc = ur_set_from_string(t, expected, id, text);
   snprintf(line, sizeof(line), "%s%s", text, after);
   char *exact = strdup(line); /* so that a sanitizer sees a byte too many */
   int got = urcsv_parse(t, rec, exact, ',', &id, 1, NULL);
   if ((got != 0) != (rc != 0) || (rc == 0 && memcmp(rec, expected, sizeof(rec)) != 0)) {
      fail_msg("%s: %d, expected %d", line, got, rc);
   }
   free(exact);
}

/* Columns are read in another way where much of the line follows. */
static void columns_are_read_alike_wherever_they_stand(void **state)
{
   static const char *const numbers[] = {"0",
                                         "7",
                                         "00",
                                         "10",
                                         "65535",
                                         "65536",
                                         "1234567",
                                         "12345678",
                                         "9999999",
                                         "123456789",
                                         "18446744073709551615",
                                         "18446744073709551616",
                                         "0000000000000000000001",
                                         "",
                                         "-",
                                         "-1",
                                         "+5",
                                         "1.5",
                                         "12a",
                                         "a12",
                                         "123456/",
                                         "1234567:",
                                         " 12"};
   static const char *const addresses[] = {"0.0.0.0",       "1.2.3.4",        "255.255.255.255",
                                           "10.20.130.240", "256.1.1.1",      "1.256.1.1",
                                           "1.1.256.1",     "1.1.1.256",      "01.2.3.4",
                                           "1.02.3.4",      "1.2.03.4",       "1.2.3.04",
                                           "1.2.3",         "1.2.3.",         "1.2.3.4.",
                                           "1.2.3.4.5",     "1..3.4",         ".1.2.3",
                                           ".1.2.3.4",      "1.2.3.4a",       "1.2.3a.4",
                                           "1000.2.3.4",    "1.2.3.1000",     "1.2.3.4 ",
                                           "::1",           "2001:db8::1",    "",
                                           "....",          "::ffff:1.2.3.4", "111.111.111.1111",
                                           "0000.0.0.0"};
   static const char *const times[] = {
       "2020-01-02T03:04:05.123456",    "1970-01-01T00:00:00.000000",  "2106-02-07T06:28:15.999999",
       "2106-02-07T06:28:16.000000",    "1969-12-31T23:59:59.000000",  "2020-02-29T00:00:00.000000",
       "2019-02-29T00:00:00.000000",    "2100-02-29T00:00:00.000000",  "2000-02-29T00:00:00.000001",
       "2020-13-01T00:00:00.000000",    "2020-00-01T00:00:00.000000",  "2020-04-31T00:00:00.000000",
       "2020-04-00T00:00:00.000000",    "2020-04-01T24:00:00.000000",  "2020-04-01T00:60:00.000000",
       "2020-04-01T23:59:60.000000",    "2020-04-01T23:59:61.000000",  "2020-04-01T23:59:59.12345",
       "2020-04-01T23:59:59.1234567",   "2020-04-01T23:59:59.123456Z", "2020-04-01T23:59:59.123456z",
       "2020-04-01T23:59:59.123456789", "2020-04-01T23:59:59",         "2020-04-01T23:59:59Z",
       "2020-04-01 23:59:59.123456",    "2020-04-01T23:59:59,123456",  "2020-04-01T23:59:59.12345a",
       "2020-04-01T23:5:59.123456",     "202-004-01T23:59:59.123456",  "2020/04/01T23:59:59.123456",
       "2020-0:-01T23:59:59.123456",    "2020-04-01T2/:59:59.123456",  ""};
   static const char *const after[] = {"", ",", ",1,2", ",0123456789012345678901234567890123456789"};
   (void) state;
   ur_template_t *t = ur_create_template("BYTES,PORT,SRC_IP,TIME_FIRST", NULL);
   assert_non_null(t);
   for (size_t k = 0; k < sizeof(after) / sizeof(after[0]); k++) {
      for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
         check_column(t, F_BYTES, numbers[i], after[k]);
         check_column(t, F_PORT, numbers[i], after[k]);
      }
      for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
         check_column(t, F_SRC_IP, addresses[i], after[k]);
      }
      for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
         if (strchr(times[i], ',') == NULL) {
            check_column(t, F_TIME_FIRST, times[i], after[k]);
         }
      }
   }
   ur_free_template(t);
}

/* All lengths of numbers, all octets. */
static void numbers_and_addresses_are_written_as_printf_does(void **state)
{
   (void) state;
   ur_template_t *t = ur_create_template("BYTES,SRC_IP", NULL);
   void *rec = ur_create_record(t, 0);
   urcsv_t *csv = urcsv_init(t, ',');
   uint64_t power = 1;
   for (int digits = 1; digits <= 20; digits++, power *= 10) {
      for (uint64_t v = power - 1; v != power + 2; v++) {
         char expected[64];
         uint32_t octet = (uint32_t) v & 0xff;
         ur_set(t, rec, F_BYTES, v);
         ur_set(t, rec, F_SRC_IP, ip_from_int(octet << 24 | octet));
         snprintf(expected, sizeof(expected), "%u.0.0.%u,%llu", octet, octet, (unsigned long long) v);
         assert_string_equal(urcsv_line(csv, rec, NULL), expected);
      }
   }
   for (uint32_t v = 0; v < 70000; v++) {
      char expected[64];
      ur_set(t, rec, F_BYTES, v);
      ur_set(t, rec, F_SRC_IP, ip_from_int(v));
      snprintf(expected, sizeof(expected), "0.%u.%u.%u,%u", v >> 16, v >> 8 & 255, v & 255, v);
      assert_string_equal(urcsv_line(csv, rec, NULL), expected);
   }
   urcsv_free(&csv);
   ur_free_record(rec);
   ur_free_template(t);
}

/* Columns that are read where they stand give what the general way gives, which other delimiters take. */
static void columns_are_read_alike_with_every_delimiter(void **state)
{
   static const char *const lines[] = {"1.2.3.4,5,6,2020-01-02T03:04:05.678,7",
                                       "::1,5,6,2020-01-02T03:04:05Z,7",
                                       "01.2.3.4,5,6,2020-01-02T03:04:05,7",
                                       "1.2.3.4,18446744073709551617,70000,x,256",
                                       "1.2.3.4, 5,-1,,7",
                                       "1.2.3.4,,6,2020-01-02T03:04:05,7",
                                       "1.2.3,5,6,2020-01-02T03:04:05,7",
                                       "1.2.3.4,5x,6y,2020-01-02T03:04:05 ,7z",
                                       "1.2.3.4 ,5,6,2020-01-02T03:04:05,7",
                                       "\"1.2.3.4\",\"5\",6,\"2020-01-02T03:04:05\",7",
                                       "1.2.3.4,5,6,2020-01-02T03:04:05.123456789,7",
                                       "1.2.3.4,5,6",
                                       "1.2.3.4,5,6,2020-01-02T03:04:05,7\r",
                                       "1.2.3.256,5,6,2020-01-02T03:04:05,7"};
   (void) state;
   ur_template_t *t = ur_create_template("SRC_IP,BYTES,PORT,TIME_FIRST,FLAG", NULL);
   const ur_field_id_t columns[] = {F_SRC_IP, F_BYTES, F_PORT, F_TIME_FIRST, F_FLAG};
   void *comma = ur_create_record(t, 0), *other = ur_create_record(t, 0);
   for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
      char line[128];
      ur_field_id_t bad[2] = {UR_INVALID_FIELD, UR_INVALID_FIELD};
      snprintf(line, sizeof(line), "%s", lines[i]);
      for (char *p = line; *p != 0; p++) {
         *p = (char) (*p == ',' ? '^' : *p);
      }
      int rc = urcsv_parse(t, comma, lines[i], ',', columns, 5, &bad[0]);
      assert_int_equal(urcsv_parse(t, other, line, '^', columns, 5, &bad[1]), rc);
      assert_int_equal(bad[0], bad[1]);
      if (rc >= 0) {
         assert_memory_equal(comma, other, ur_rec_fixlen_size(t));
      }
   }
   ur_free_record(comma);
   ur_free_record(other);
   ur_free_template(t);
}

static void strict_text_refuses_junk_and_what_is_out_of_range(void **state)
{
   static const struct {
      const char *type, *text;
      int rc;
   } cases[] = {{"uint8", "255", 0},
                {"uint8", "256", 1},
                {"uint8", "-1", 1},
                {"uint8", "12abc", 1},
                {"uint8", " 1", 1},
                {"uint8", "", 1},
                {"int8", "-128", 0},
                {"int8", "-129", 1},
                {"int16", "0x7fff", 0},
                {"int16", "010", 1},
                {"int32", "2147483648", 1},
                {"int64", "-9223372036854775808", 0},
                {"int64", "9223372036854775808", 1},
                {"uint64", "18446744073709551615", 0},
                {"uint64", "18446744073709551616", 1},
                {"double", "1.5e3", 0},
                {"double", "1.5x", 1},
                {"char", "xy", 1},
                {"macaddr", "1:2:3:4:5:6", 0},
                {"macaddr", "1:2:3:4:5:6 x", 1},
                {"bytes", "0aff", 0},
                {"bytes", "0af", 1},
                {"bytes", "0g", 1},
                {"uint8*", "1 2  255", 0},
                {"uint8*", "1 256", 1},
                {"ipaddr*", "1.2.3.4 ::1", 0},
                {"string", "any thing", 0},
                {"time", "2020-01-01T00:00:00Z", 0}};
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char spec[64];
      snprintf(spec, sizeof(spec), "%s STRICT", cases[i].type);
      ur_template_t *t = ur_define_fields_and_update_template(spec, NULL);
      void *rec = ur_create_record(t, UR_MAX_SIZE);
      int rc = ur_set_from_string_strict(t, rec, (ur_field_id_t) ur_get_id_by_name("STRICT"), cases[i].text);
      if (rc != cases[i].rc) {
         fail_msg("%s \"%s\": %d", cases[i].type, cases[i].text, rc);
      }
      ur_free_record(rec);
      ur_free_template(t);
      ur_finalize();
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(recorded_records_both_ways),
       cmocka_unit_test(names_in_any_order_make_the_same_record),
       cmocka_unit_test(bad_definitions_leave_nothing_behind),
       cmocka_unit_test(many_fields_are_found_again),
       cmocka_unit_test(a_record_that_points_outside_is_refused),
       cmocka_unit_test(a_record_whose_size_is_not_that_of_its_fields_is_refused),
       cmocka_unit_test(data_in_unusual_order_survives_an_edit),
       cmocka_unit_test(no_field_grows_a_record_beyond_its_limit),
       cmocka_unit_test(arrays_grow_with_zeros),
       cmocka_unit_test(common_fields_are_copied_others_kept),
       cmocka_unit_test(time_text),
       cmocka_unit_test(addresses),
       cmocka_unit_test(text_longer_than_its_bytes_fits),
       cmocka_unit_test(the_largest_doubles_of_an_array_are_read_back),
       cmocka_unit_test(bad_columns_are_refused),
       cmocka_unit_test(columns_are_read_alike_wherever_they_stand),
       cmocka_unit_test(numbers_and_addresses_are_written_as_printf_does),
       cmocka_unit_test(columns_are_read_alike_with_every_delimiter),
       cmocka_unit_test(strict_text_refuses_junk_and_what_is_out_of_range),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
