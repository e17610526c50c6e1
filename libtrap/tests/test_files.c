/* SPDX-License-Identifier: BSD-3-Clause */
/** Files as hostile or broken media leave them: cut, damaged, full. */
#include "rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

enum { MESSAGES = 3000, SIZE = 100 };

static char path[128], in_spec[140];

static void name_file(const char *name)
{
   snprintf(path, sizeof(path), "%s/%s", dir, name);
   snprintf(in_spec, sizeof(in_spec), "f:%s", path);
}

/* Message number n: its number, and bytes that follow from it. */
static void make_message(uint8_t *m, uint32_t n)
{
   uint32_t x = n * 2654435761u + 1;
   memcpy(m, &n, sizeof(n));
   for (size_t i = sizeof(n); i < SIZE; i++) {
      x = x * 1664525u + 1013904223u;
      m[i] = (uint8_t) (x >> 28); /* half of the bits are random: it can be compressed a little */
   }
}

static trap_ctx_t *open_output(const char *parameters)
{
   char spec[300];
   snprintf(spec, sizeof(spec), "f:%s%s", path, parameters);
   trap_ctx_t *ctx = open_ctx(0, 1, spec);
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
   return ctx;
}

static int send_number(trap_ctx_t *ctx, uint32_t n)
{
   uint8_t m[SIZE];
   make_message(m, n);
   return trap_ctx_send(ctx, 0, m, SIZE);
}

/* Reads to the end: numbers go up, and each message is whole. \return the code of the end, with the count of messages */
static char message[1024]; /* of the last error of read_back() */

static int read_back(const char *spec, uint32_t *count, bool exact)
{
   const void *data;
   uint16_t size;
   int rc;
   uint32_t last = 0;
   *count = 0;
   trap_ctx_t *ctx = open_ctx(1, 0, spec);
   trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_RAW);
   while ((rc = trap_ctx_recv(ctx, 0, &data, &size)) == TRAP_E_OK && size > 0) {
      uint8_t want[SIZE];
      uint32_t n;
      assert_true(size == SIZE || !exact);
      memcpy(&n, data, sizeof(n));
      make_message(want, n);
      if (exact) {
         assert_memory_equal(data, want, SIZE);
         assert_true(*count == 0 || n > last);
      }
      last = n;
      ++*count;
   }
   if (rc != TRAP_E_OK) {
      snprintf(message, sizeof(message), "%s", trap_ctx_get_last_error_msg(ctx));
      assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), rc); /* and again */
      assert_string_equal(trap_ctx_get_last_error_msg(ctx), message);
   }
   trap_ctx_finalize(&ctx);
   return rc;
}

static size_t load(uint8_t **bytes)
{
   struct stat st;
   int fd = open(path, O_RDONLY);
   assert_true(fd >= 0 && fstat(fd, &st) == 0);
   *bytes = malloc((size_t) st.st_size);
   assert_int_equal(read(fd, *bytes, (size_t) st.st_size), st.st_size);
   close(fd);
   return (size_t) st.st_size;
}

static void store(const uint8_t *bytes, size_t size)
{
   int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
   assert_int_equal(write(fd, bytes, size), size);
   close(fd);
}

static size_t write_capture(const char *name, const char *parameters, uint8_t **bytes)
{
   name_file(name);
   trap_ctx_t *ctx = open_output(parameters);
   for (uint32_t n = 0; n < MESSAGES; n++) {
      assert_int_equal(send_number(ctx, n), TRAP_E_OK);
   }
   assert_int_equal(trap_ctx_finalize(&ctx), TRAP_E_OK);
   return load(bytes);
}

/* A plain file cut at any place is whole, or says that it is not; whole messages before the cut are delivered. */
static void cut_plain_files_are_said(void **state)
{
   uint8_t *bytes;
   size_t size = write_capture("plain", "", &bytes);
   uint32_t block = (100000 / (SIZE + 2)) * (SIZE + 2);
   trap_set_verbose_level(-4);
   for (size_t cut = 0; cut <= size; cut += cut < 20 || cut + 40 > size ? 1 : 997) {
      uint32_t count;
      store(bytes, cut);
      int rc = read_back(in_spec, &count, true);
      size_t blocks = cut < 8 ? 0 : (cut - 8) / (4 + block);
      size_t rest = cut < 8 ? 0 : (cut - 8) % (4 + block);
      size_t messages = blocks * (block / (SIZE + 2)) + (rest > 4 ? (rest - 4) / (SIZE + 2) : 0);
      bool whole = cut == size || (cut >= 8 && (cut - 8) % (4 + block) == 0);
      assert_int_equal(rc, whole ? TRAP_E_OK : TRAP_E_NEGOTIATION_FAILED);
      assert_int_equal(count, cut == size ? MESSAGES : messages);
   }
   trap_set_verbose_level(-3);
   free(bytes);
}

#ifdef HAVE_ZSTD
/* Where the frames of a compressed file begin; the last entry is its size. */
static size_t find_frames(const uint8_t *bytes, size_t size, size_t *starts)
{
   size_t n = 0;
   for (size_t at = 0; at < size; at += ZSTD_findFrameCompressedSize(bytes + at, size - at)) {
      starts[n++] = at;
   }
   starts[n] = size;
   return n;
}

static void cut_compressed_files_are_said(void **state)
{
   uint8_t *bytes;
   size_t starts[64], size = write_capture("packed", ":compress=zstd", &bytes);
   size_t frames = find_frames(bytes, size, starts);
   assert_int_equal(frames, 1 + 4); /* the hello, and blocks of 980 messages */
   trap_set_verbose_level(-4);
   for (size_t cut = 0; cut <= size; cut += cut < 40 || cut + 40 > size ? 1 : 997) {
      uint32_t count;
      size_t whole = 0;
      while (whole < frames && starts[whole + 1] <= cut) {
         whole++;
      }
      bool good = cut == starts[whole] && cut > 0;
      store(bytes, cut);
      assert_int_equal(read_back(in_spec, &count, true), good ? TRAP_E_OK : TRAP_E_NEGOTIATION_FAILED);
      assert_int_equal(count, whole == frames ? MESSAGES : whole > 0 ? (whole - 1) * 980 : 0);
   }
   trap_set_verbose_level(-3);
   free(bytes);
}

/* Any flipped bit of a compressed file: messages before its frame are received, then an error; never a wrong message. */
static void bit_flips_in_compressed_files_are_said(void **state)
{
   uint8_t *bytes;
   size_t starts[64], size = write_capture("flips", ":compress=zstd", &bytes);
   size_t frames = find_frames(bytes, size, starts);
   trap_set_verbose_level(-4);
   srand(7);
   for (unsigned run = 0; run < 400; run++) {
      size_t at = run < 40 ? run : run < 80 ? size - 1 - (run - 40) : (size_t) rand() % size, frame = 0;
      uint8_t bit = (uint8_t) (1u << (rand() % 8));
      uint32_t count;
      while (starts[frame + 1] <= at) {
         frame++;
      }
      bytes[at] ^= bit;
      store(bytes, size);
      int rc = read_back(in_spec, &count, true);
      bytes[at] ^= bit;
      if (rc == TRAP_E_OK) { /* some bits of a frame's header mean nothing */
         assert_int_equal(count, MESSAGES);
         assert_true(at - starts[frame] < 18);
      } else {
         assert_int_equal(rc, TRAP_E_NEGOTIATION_FAILED);
         assert_true(frame <= frames && count == (frame > 0 ? (frame - 1) * 980 : 0));
      }
   }
   trap_set_verbose_level(-3);
   free(bytes);
}

/* One frame over the whole file, as zstd(1) writes: damage and a wrong checksum are reported as well. */
static void files_that_zstd_compressed_are_read_and_checked(void **state)
{
   uint8_t *bytes;
   uint32_t count;
   size_t size = write_capture("single", "", &bytes), bound = ZSTD_compressBound(size);
   uint8_t *packed = malloc(bound);
   ZSTD_CCtx *z = ZSTD_createCCtx();
   ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
   size_t n = ZSTD_compress2(z, packed, bound, bytes, size);
   store(packed, n);
   assert_int_equal(read_back(in_spec, &count, true), TRAP_E_OK);
   assert_int_equal(count, MESSAGES);
   trap_set_verbose_level(-4);
   store(packed, n / 2);
   assert_int_equal(read_back(in_spec, &count, true), TRAP_E_NEGOTIATION_FAILED);
   assert_true(count > 0 && count < MESSAGES);
   packed[n - 1] ^= 1; /* the checksum: all but the last block can be trusted by their own structure only */
   store(packed, n);
   assert_int_equal(read_back(in_spec, &count, true), TRAP_E_NEGOTIATION_FAILED);
   assert_true(count < MESSAGES);
   /* A window beyond the limit is refused before any memory is taken for it. */
   ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, 27);
   ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, 0);
   ZSTD_inBuffer input = {bytes, size, 0};
   ZSTD_outBuffer output = {packed, bound, 0};
   while (input.pos < input.size) {
      ZSTD_compressStream2(z, &output, &input, ZSTD_e_continue);
   }
   assert_int_equal(ZSTD_compressStream2(z, &output, &input, ZSTD_e_end), 0);
   store(packed, output.pos);
   assert_int_equal(read_back(in_spec, &count, true), TRAP_E_NEGOTIATION_FAILED);
   assert_int_equal(count, 0);
   trap_set_verbose_level(-3);
   ZSTD_freeCCtx(z);
   free(packed);
   free(bytes);
}
#endif

/* The error of reading a file: in the context's message, and, for modules that print a fixed sentence, on standard error. */
static void expect_error(const char *spec, const char *part)
{
   char log[140], text[2000] = "";
   uint32_t count;
   snprintf(log, sizeof(log), "%s/log", dir);
   fflush(stderr);
   int saved = dup(STDERR_FILENO), fd = open(log, O_RDWR | O_CREAT | O_TRUNC, 0600);
   dup2(fd, STDERR_FILENO);
   int rc = read_back(spec, &count, true);
   dup2(saved, STDERR_FILENO);
   assert_int_not_equal(rc, TRAP_E_OK);
   assert_non_null(strstr(message, part));
   assert_true(pread(fd, text, sizeof(text) - 1, 0) >= 0);
   assert_true(rc != TRAP_E_NEGOTIATION_FAILED || strstr(text, message) != NULL);
   close(fd);
   close(saved);
}

static void files_of_others_are_named(void **state)
{
   name_file("passwd");
   store((const uint8_t *) "root:x:0:0:root:/root:/bin/bash\n", 32);
   expect_error(in_spec, "passwd is not a trapcap file (it begins with 0x726f6f743a783a30).");
   assert_null(strstr(message, "specifier"));
   store((const uint8_t *) "", 0);
   expect_error(in_spec, "passwd is empty");
   store((const uint8_t *) "\1\0\0\0\0\0\0\0\0\0\0", 11);
   expect_error(in_spec, "passwd: it ends at byte 11, inside the length of a block");
   store((const uint8_t *) "\1\0\0\0\0\0\0\0\x7f\0\0\0abc", 15);
   expect_error(in_spec, "passwd: a block of 2130706432 bytes at byte 8");
   store((const uint8_t *) "\1\0\0\0\0\0\0\0\0\0\0\4\0\7ab", 16);
   expect_error(in_spec, "passwd: a message reaches beyond the end of the block that ends at byte 16");
   expect_error("f:/", "Is a directory");
}

/* Empty blocks, which compress to almost nothing, do not hold up a reader without a limit. */
static void endless_empty_blocks_are_refused(void **state)
{
   size_t size = 8 + 4 * (1u << 20);
   uint8_t *bytes = calloc(1, size);
   uint32_t count;
   bytes[0] = TRAP_FMT_RAW;
   name_file("zeros");
   store(bytes, size);
   trap_set_verbose_level(-4);
   assert_int_equal(read_back(in_spec, &count, true), TRAP_E_NEGOTIATION_FAILED);
   trap_set_verbose_level(-3);
   free(bytes);
}

/* --------------------------------------------------------------------------------------- full disk */

/* A limit on the size of files fails in the middle of a write, as a full disk does. */
static void set_room(rlim_t bytes)
{
   struct rlimit limit;
   getrlimit(RLIMIT_FSIZE, &limit);
   limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
   assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* What was accepted is in the file, what was refused is not, whenever the disk was full meanwhile. */
static void a_full_disk_loses_nothing_that_was_accepted(void **state)
{
   static const char *const parameters[] = {"", ":buffer=off", ":compress=zstd", ":compress=zstd:buffer=off",
                                            ":a"};
   signal(SIGXFSZ, SIG_IGN);
   for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
#ifndef HAVE_ZSTD
      if (strstr(parameters[i], "zstd") != NULL) {
         continue;
      }
#endif
      char name[32], all[160];
      uint32_t accepted = 0, refused = 0, count;
      snprintf(name, sizeof(name), "full%zu", i);
      name_file(name);
      trap_set_verbose_level(-4);
      trap_ctx_t *ctx = open_output(parameters[i]);
      set_room(150000);
      for (uint32_t n = 0; n < 20000; n++) {
         int rc = send_number(ctx, n);
         assert_true(rc == TRAP_E_OK || rc == TRAP_E_IO_ERROR);
         accepted += rc == TRAP_E_OK;
         refused += rc != TRAP_E_OK;
         if (refused == 300 && rc != TRAP_E_OK) {
            set_room(RLIM_INFINITY);
         }
      }
      set_room(RLIM_INFINITY);
      assert_int_equal(trap_ctx_finalize(&ctx), TRAP_E_OK);
      trap_set_verbose_level(-3);
      assert_int_equal(refused, 300);
      snprintf(all, sizeof(all), "%s*", in_spec);
      assert_int_equal(read_back(all, &count, true), TRAP_E_OK);
      assert_int_equal(count, accepted);
   }
}

static void what_can_never_be_written_is_told_at_the_end(void **state)
{
   signal(SIGXFSZ, SIG_IGN);
   name_file("never");
   trap_set_verbose_level(-4);
   trap_ctx_t *ctx = open_output("");
   set_room(4);
   assert_int_equal(send_number(ctx, 1), TRAP_E_OK);
   trap_ctx_send_flush(ctx, 0);
   assert_int_equal(trap_ctx_finalize(&ctx), TRAP_E_IO_ERROR);
   ctx = open_output(""); /* nor can the header of an empty capture */
   assert_int_equal(trap_ctx_finalize(&ctx), TRAP_E_IO_ERROR);
   set_room(RLIM_INFINITY);
   snprintf(path, sizeof(path), "/dev/full");
   ctx = open_output(":w");
   assert_int_equal(send_number(ctx, 1), TRAP_E_OK);
   assert_int_equal(trap_ctx_finalize(&ctx), TRAP_E_IO_ERROR);
   trap_set_verbose_level(-3);
}

/* Before the first message the format is only an intention: the file has the name that was asked for, and the last format. */
static void a_format_that_changes_before_the_first_message_keeps_the_file(void **state)
{
   uint32_t count;
   name_file("twice");
   trap_ctx_t *ctx = open_ctx(0, 1, in_spec);
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_UNIREC, "uint32 N");
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
   assert_int_equal(send_number(ctx, 1), TRAP_E_OK);
   assert_int_equal(trap_ctx_finalize(&ctx), TRAP_E_OK);
   assert_int_equal(read_back(in_spec, &count, true), TRAP_E_OK);
   assert_int_equal(count, 1);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(cut_plain_files_are_said),
#ifdef HAVE_ZSTD
       cmocka_unit_test(cut_compressed_files_are_said),
       cmocka_unit_test(bit_flips_in_compressed_files_are_said),
       cmocka_unit_test(files_that_zstd_compressed_are_read_and_checked),
#endif
       cmocka_unit_test(files_of_others_are_named),
       cmocka_unit_test(endless_empty_blocks_are_refused),
       cmocka_unit_test(a_full_disk_loses_nothing_that_was_accepted),
       cmocka_unit_test(what_can_never_be_written_is_told_at_the_end),
       cmocka_unit_test(a_format_that_changes_before_the_first_message_keeps_the_file),
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
