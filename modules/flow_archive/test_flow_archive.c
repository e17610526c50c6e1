/* SPDX-License-Identifier: BSD-3-Clause */
#include "archive_file.h"
#include "retention.h"

#include <dirent.h>
#include <nemea/module_cmocka.h>
#include <sys/stat.h>

#define FORMAT "time TIME_FIRST,time TIME_LAST,ipaddr SRC_IP,ipaddr DST_IP"

static char dir[64], options[160];

static int setup(void **state)
{
   strcpy(dir, "/tmp/flow-archive-XXXXXX");
   assert_non_null(mkdtemp(dir));
   snprintf(options, sizeof(options), "-d %s/a", dir);
   return 0;
}

static int teardown(void **state)
{
   char command[128];
   snprintf(command, sizeof(command), "rm -r %s", dir);
   return system(command);
}

static const char *path_of(const char *name)
{
   static char path[256];
   snprintf(path, sizeof(path), "%s/a/2024-01-01/%s", dir, name);
   return path;
}

static void assert_file(const char *name, bool there)
{
   struct stat st;
   if ((stat(path_of(name), &st) == 0) != there) {
      fail_msg("%s: expected %s file", name, there ? "a" : "no");
   }
}

static nm_test_t *run(const char *more, const char *format)
{
   char all[256];
   snprintf(all, sizeof(all), "%s %s", options, more);
   return nm_unit_start(all, format);
}

/* Reads the trailer of a file. */
static struct archive_footer trailer_of(const char *name, nc_bloom_t *filter)
{
   struct archive_footer f;
   char why[ARCHIVE_REASON];
   static uint8_t bytes[1 << 20];
   FILE *file = fopen(path_of(name), "re");
   assert_non_null(file);
   size_t n = fread(bytes, 1, sizeof(bytes), file);
   fclose(file);
   assert_true(archive_footer_read(bytes + n - ARCHIVE_FOOTER, n, &f, why));
   assert_true(
       archive_filter_read(bytes + n - ARCHIVE_FOOTER - (size_t) f.blocks * NC_BLOOM_BLOCK, &f, filter, why));
   nc_bloom_free(filter);
   bytes[n - ARCHIVE_FOOTER - 1] ^= 1;
   assert_false(
       archive_filter_read(bytes + n - ARCHIVE_FOOTER - (size_t) f.blocks * NC_BLOOM_BLOCK, &f, filter, why));
   bytes[n - ARCHIVE_FOOTER - 1] ^= 1;
   assert_true(
       archive_filter_read(bytes + n - ARCHIVE_FOOTER - (size_t) f.blocks * NC_BLOOM_BLOCK, &f, filter, why));
   return f;
}

static bool has(const nc_bloom_t *filter, const char *text, unsigned prefix)
{
   ip_addr_t ip;
   assert_true(ip_from_str(text, &ip));
   return archive_filter_may_have(filter, &ip, prefix);
}

static void test_a_file_for_each_interval(void **state)
{
   nc_bloom_t filter;
   nm_test_t *t = run("", FORMAT);
   nm_unit_feed_at(t, 10, 20, "10.0.0.1,10.0.0.2");
   nm_unit_feed_at(t, 5, 299, "2001:db8::1,2001:db8::2");
   nm_unit_feed_at(t, 30, 300, "10.0.0.3,10.0.0.4");
   nm_unit_feed_at(t, 1, 2, "10.0.0.5,10.0.0.6"); /* late: the clock does not go back */
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(nm_test_counter(t, "archived"), 4);
   assert_int_equal(nm_test_counter(t, "files"), 2);
   nm_test_free(t);
   struct archive_footer f = trailer_of("20240101T000000Z-300s-0.trapcap.zst", &filter);
   assert_int_equal(f.records, 2);
   assert_int_equal(f.flags, ARCHIVE_TIMED | ARCHIVE_FILTERED);
   assert_int_equal(ur_time_get_sec(f.first) % 86400, 5);
   assert_int_equal(ur_time_get_sec(f.last) % 86400, 299);
   assert_true(has(&filter, "10.0.0.1", 32) && has(&filter, "10.0.0.2", 32) &&
               has(&filter, "2001:db8::1", 128));
   assert_false(has(&filter, "10.0.0.3", 32) || has(&filter, "10.0.0.5", 32) || has(&filter, "10.0.0.7", 32));
   assert_true(has(&filter, "10.0.0.77", 25) && has(&filter, "10.0.200.0", 17) &&
               has(&filter, "10.0.0.0", 8));
   assert_true(has(&filter, "2001:db8::", 64) && has(&filter, "2001:db8:0:7::", 50) &&
               has(&filter, "2001::", 16));
   assert_false(has(&filter, "10.1.0.0", 16) || has(&filter, "10.2.0.0", 16) ||
                has(&filter, "2001:db9::", 32));
   nc_bloom_free(&filter);
   f = trailer_of("20240101T000500Z-300s-0.trapcap.zst", &filter);
   assert_int_equal(f.records, 2);
   assert_int_equal(ur_time_get_sec(f.first) % 86400, 1);
   nc_bloom_free(&filter);
   struct stat st;
   snprintf(options, sizeof(options), "%s/a", dir);
   assert_int_equal(stat(options, &st), 0);
   assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_formats_have_files_of_their_own(void **state)
{
   nm_test_t *t = run("", FORMAT);
   nm_unit_feed_at(t, 10, 20, "10.0.0.1,10.0.0.2");
   assert_int_equal(nm_test_format(t, 0, "uint32 NUMBER,time TIME"), NM_OK);
   nm_unit_feed(t, "7,2024-01-01T00:01:00");
   assert_int_equal(nm_test_format(t, 0, FORMAT), NM_OK);
   nm_unit_feed_at(t, 10, 20, "10.0.0.1,10.0.0.2");
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(nm_test_counter(t, "files"), 2);
   nm_test_free(t);
   assert_file("20240101T000000Z-300s-0.trapcap.zst", true);
   assert_file("20240101T000000Z-300s-1.trapcap.zst", true);
}

static void test_more_formats_than_open_files(void **state)
{
   nm_test_t *t = run("", FORMAT);
   for (unsigned i = 0; i < 20; i++) {
      char format[64];
      snprintf(format, sizeof(format), "uint32 NUMBER%u,time TIME", i);
      assert_int_equal(nm_test_format(t, 0, format), NM_OK);
      nm_unit_feed(t, "7,2024-01-01T00:01:00");
   }
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(nm_test_counter(t, "files"), 20);
   assert_int_equal(nm_test_counter(t, "archived"), 20);
   assert_true(nm_test_counter(t, "files completed early") >= 4);
   nm_test_free(t);
}

static void test_the_oldest_is_deleted_by_age(void **state)
{
   nm_test_t *t = run("-r 1h/1GB", FORMAT);
   for (unsigned s = 0; s <= 7200; s += 300) {
      nm_unit_feed_at(t, s, s, "10.0.0.1,10.0.0.2");
   }
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(nm_test_counter(t, "files deleted"), 12 - 1);
   nm_test_free(t);
   assert_file("20240101T005000Z-300s-0.trapcap.zst", false);
   assert_file("20240101T005500Z-300s-0.trapcap.zst", true); /* its end is an hour ago */
}

static void test_the_oldest_is_deleted_by_size(void **state)
{
   static uint32_t seed = 1;
   nm_test_t *t = run("-r 1d/1MB", FORMAT ",string TEXT");
   for (unsigned s = 0; s < 3000; s++) { /* 2 kB each that cannot be compressed */
      char values[3000] = "10.0.0.1,10.0.0.2,", *p = values + strlen(values);
      for (unsigned i = 0; i < 2000; i++) {
         seed = seed * 1664525 + 1013904223;
         *p++ = (char) ('a' + (seed >> 24) % 26);
      }
      *p = 0;
      char line[3100];
      snprintf(line, sizeof(line), "2024-01-01T%02u:%02u:%02u,2024-01-01T%02u:%02u:%02u,%s", s / 3600,
               s / 60 % 60, s % 60, s / 3600, s / 60 % 60, s % 60, values);
      nm_unit_feed(t, line);
   }
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_true(nm_test_counter(t, "files deleted") > 0);
   assert_true(nm_test_counter(t, "bytes") <= 1000000);
   assert_true(nm_test_counter(t, "bytes") > 500000);
   nm_test_free(t);
   assert_file("20240101T000000Z-300s-0.trapcap.zst", false);
}

static void test_a_full_disk_is_not_written_to(void **state)
{
   nm_test_t *t = run("-f 100", FORMAT);
   assert_true(nm_test_catch(STDERR_FILENO));
   nm_unit_feed_at(t, 10, 20, "10.0.0.1,10.0.0.2");
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_non_null(strstr(nm_test_caught(), "less than 100 % of the file system"));
   assert_int_equal(nm_test_counter(t, "lost without room"), 1);
   assert_int_equal(nm_test_counter(t, "archived"), 0);
   nm_test_free(t);
   assert_file("20240101T000000Z-300s-0.trapcap.zst", false);
}

/* Makes a whole file the one that a killed run leaves, with size bytes of it. */
static void leave_behind(const char *name, off_t size)
{
   char from[256], to[300];
   snprintf(from, sizeof(from), "%s", path_of(name));
   snprintf(to, sizeof(to), "%s.part", from);
   assert_int_equal(rename(from, to), 0);
   assert_int_equal(truncate(to, size), 0);
}

static void test_what_a_kill_leaves_is_recovered(void **state)
{
   static const char name[] = "20240101T000000Z-300s-0.trapcap.zst";
   nc_bloom_t filter;
   struct stat st;
   nm_test_t *t = run("", FORMAT);
   for (unsigned i = 0; i < 10000; i++) { /* two blocks and a part of a third */
      nm_unit_feed_at(t, 10, 20, "10.0.0.1,10.0.0.2");
   }
   assert_int_equal(nm_test_finish(t), NM_OK);
   nm_test_free(t);
   assert_int_equal(stat(path_of(name), &st), 0);
   leave_behind(name, st.st_size - 64 - 64 - 8 - 1); /* all blocks but the last one */
   assert_true(nm_test_catch(STDERR_FILENO));
   t = run("", FORMAT);
   assert_non_null(strstr(nm_test_caught(), "bytes after its last whole block"));
   assert_int_equal(nm_test_counter(t, "files recovered"), 1);
   uint64_t records = nm_test_counter(t, "records recovered");
   assert_in_range(records, 4000, 9999);
   nm_test_free(t);
   struct archive_footer f = trailer_of(name, &filter);
   assert_int_equal(f.records, records);
   assert_true(has(&filter, "10.0.0.1", 32));
   assert_int_equal(f.flags, ARCHIVE_TIMED | ARCHIVE_FILTERED);
   nc_bloom_free(&filter);
}

static void test_what_cannot_be_recovered_is_set_aside(void **state)
{
   static const char name[] = "20240101T000000Z-300s-0.trapcap.zst";
   nm_test_t *t = run("", FORMAT);
   nm_unit_feed_at(t, 10, 20, "10.0.0.1,10.0.0.2");
   nm_unit_feed_at(t, 10, 320, "10.0.0.1,10.0.0.2");
   assert_int_equal(nm_test_finish(t), NM_OK);
   nm_test_free(t);
   leave_behind(name, 5);
   leave_behind("20240101T000500Z-300s-0.trapcap.zst", 0);
   assert_true(nm_test_catch(STDERR_FILENO));
   t = run("", FORMAT);
   assert_non_null(strstr(nm_test_caught(), "is now 2024-01-01/20240101T000000Z-300s-0.trapcap.zst.damaged"));
   assert_int_equal(nm_test_counter(t, "files set aside"), 1);
   nm_unit_feed_at(t, 10, 20, "10.0.0.1,10.0.0.2");
   assert_int_equal(nm_test_finish(t), NM_OK);
   nm_test_free(t);
   assert_file("20240101T000000Z-300s-0.trapcap.zst.damaged", true);
   assert_file("20240101T000500Z-300s-0.trapcap.zst.part", false);
   assert_file("20240101T000000Z-300s-1.trapcap.zst", true);
}

static void test_one_writer_at_a_time(void **state)
{
   nm_test_t *t = run("", FORMAT), *other = nm_test_new(&nm_definition, options);
   assert_non_null(nm_test_error(other));
   assert_non_null(strstr(nm_test_error(other), "another flow_archive writes to it"));
   nm_test_free(other);
   nm_test_free(t);
}

static void test_names(void **state)
{
   static const char *const bad[] = {"",
                                     "20240101T000000Z-300s-0.trapcap",
                                     "20240101T000000Z-0s-0.trapcap.zst",
                                     "20240101T000000Z-300s-00.trapcap.zst",
                                     "20240101T000000Z-300s-0.trapcap.zst.bad",
                                     "20240132T000000Z-300s-0.trapcap.zst",
                                     "20240101T000000Z-300s-99999999999.trapcap.zst",
                                     "20240101T0000 0Z-300s-0.trapcap.zst",
                                     "19690101T000000Z-300s-0.trapcap.zst"};
   struct archive_name name;
   char path[ARCHIVE_NAME];
   for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
      if (archive_name_read(bad[i], &name)) {
         fail_msg("%s is taken for the name of a file", bad[i]);
      }
   }
   assert_true(archive_name_read("20240101T000500Z-300s-12.trapcap.zst.part", &name));
   assert_true(name.part && !name.damaged && name.seconds == 300 && name.number == 12 &&
               name.begin == 1704067500);
   archive_name_write(&name, path);
   assert_string_equal(path, "2024-01-01/20240101T000500Z-300s-12.trapcap.zst.part");
}

static void test_retention(void **state)
{
   static const char *const bad[] = {"",
                                     "24h",
                                     "24/10GB",
                                     "0h/1GB",
                                     "24h/0GB",
                                     "-1h/1GB",
                                     "24h/10",
                                     "24h/10GBs",
                                     "24m/1GB",
                                     "24h/1GB/",
                                     " 24h/1GB",
                                     "99999999999999999999h/1GB",
                                     "24h/99999999999TB"};
   uint64_t age, bytes;
   char why[RETENTION_ERROR];
   for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
      if (retention_parse(bad[i], &age, &bytes, why)) {
         fail_msg("\"%s\" is taken for a retention", bad[i]);
      }
   }
   assert_true(retention_parse("24h/10GB", &age, &bytes, why));
   assert_true(age == 86400 && bytes == 10000000000);
   assert_true(retention_parse("7d/500MB", &age, &bytes, why));
   assert_true(age == 604800 && bytes == 500000000);
   nm_test_t *t = nm_test_new(&nm_definition, "-r tomorrow");
   assert_string_equal(nm_test_error(t),
                       "--retention \"tomorrow\": expected an age and a size, as 24h/10GB or 30d/2TB");
   nm_test_free(t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
   const struct CMUnitTest tests[] = {
       TEST(test_a_file_for_each_interval),
       TEST(test_formats_have_files_of_their_own),
       TEST(test_more_formats_than_open_files),
       TEST(test_the_oldest_is_deleted_by_age),
       TEST(test_the_oldest_is_deleted_by_size),
       TEST(test_a_full_disk_is_not_written_to),
       TEST(test_what_a_kill_leaves_is_recovered),
       TEST(test_what_cannot_be_recovered_is_set_aside),
       TEST(test_one_writer_at_a_time),
       TEST(test_names),
       TEST(test_retention),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
