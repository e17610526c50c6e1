/* SPDX-License-Identifier: BSD-3-Clause */
/** Capture files: their formats, damage, and the limits on what a hostile file can make its reader do. */
#include "capture/capture_file.h"
#include "capture/source.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define NS     UINT64_C(1000000000)
#define MIB    (1u << 20)

/* -------------------------------------------------------------- making files */

struct bytes {
   uint8_t *data;
   size_t size, room;
   bool swapped; /* the byte order of this machine is not the file's */
};

static void put(struct bytes *b, const void *data, size_t n)
{
   if (b->size + n > b->room) {
      b->room = 2 * (b->size + n);
      b->data = realloc(b->data, b->room);
      assert_non_null(b->data);
   }
   memcpy(b->data + b->size, data, n);
   b->size += n;
}

static void put16(struct bytes *b, uint16_t v)
{
   v = b->swapped ? __builtin_bswap16(v) : v;
   put(b, &v, 2);
}

static void put32(struct bytes *b, uint32_t v)
{
   v = b->swapped ? __builtin_bswap32(v) : v;
   put(b, &v, 4);
}

static void put64(struct bytes *b, uint64_t v)
{
   v = b->swapped ? __builtin_bswap64(v) : v;
   put(b, &v, 8);
}

static void pcap_header(struct bytes *b, uint32_t magic, uint32_t link)
{
   const uint32_t words[] = {magic, 0, 0, 0, 65535, link};
   for (size_t i = 0; i < LEN(words); i++) {
      put32(b, words[i]);
   }
}

static void pcap_packet(struct bytes *b, uint32_t second, uint32_t fraction, const void *data, uint32_t size)
{
   put32(b, second);
   put32(b, fraction);
   put32(b, size);
   put32(b, size + 57);
   put(b, data, size);
}

/* A block of pcapng; its body is padded. */
static void block(struct bytes *b, uint32_t type, const void *body, size_t size)
{
   uint32_t length = (uint32_t) (12 + (size + 3) / 4 * 4);
   put32(b, type);
   put32(b, length);
   put(b, body, size);
   put(b, "\0\0\0", (4 - size % 4) % 4);
   put32(b, length);
}

static void section(struct bytes *b)
{
   struct bytes body = {.swapped = b->swapped};
   put32(&body, 0x1a2b3c4d);
   put32(&body, 1);
   put64(&body, UINT64_MAX);
   block(b, 0x0a0d0d0a, body.data, body.size);
   free(body.data);
}

/* Times in units of 10^-resolution seconds, counted from offset. */
static void interface(struct bytes *b, uint32_t snaplen, uint8_t resolution, int64_t offset)
{
   struct bytes body = {.swapped = b->swapped};
   put16(&body, LINK_ETHERNET);
   put16(&body, 0);
   put32(&body, snaplen);
   put16(&body, 9);
   put16(&body, 1);
   put(&body, &resolution, 1);
   put(&body, "\0\0\0", 3);
   put16(&body, 14);
   put16(&body, 8);
   put64(&body, (uint64_t) offset);
   put32(&body, 0);
   block(b, 1, body.data, body.size);
   free(body.data);
}

static void enhanced_packet(struct bytes *b, uint32_t id, uint64_t t, const void *data, uint32_t size)
{
   struct bytes body = {.swapped = b->swapped};
   put32(&body, id);
   put32(&body, (uint32_t) (t >> 32));
   put32(&body, (uint32_t) t);
   put32(&body, size);
   put32(&body, size + 57);
   put(&body, data, size);
   block(b, 6, body.data, body.size);
   free(body.data);
}

static void simple_packet(struct bytes *b, const void *data, uint32_t size)
{
   struct bytes body = {.swapped = b->swapped};
   put32(&body, size);
   put(&body, data, size);
   block(b, 3, body.data, body.size);
   free(body.data);
}

/* Reads the next item of f at b->data + *at, as next() of struct capture_format. */
static int64_t next(struct capture_format *f, const struct bytes *b, size_t *at, struct raw_packet *raw,
                    bool *found)
{
   int64_t n = f->next(f, b->data + *at, b->size - *at, raw, found);
   *at += n > 0 ? (size_t) n : 0;
   return n;
}

/* Writes the bytes to a file and frees b->data. \return its name, to free() */
static char *save(struct bytes *b)
{
   char *path = strdup("/tmp/test_capture.XXXXXX");
   assert_non_null(path);
   int fd = mkstemp(path);
   assert_true(fd >= 0);
   for (size_t done = 0; done < b->size;) {
      ssize_t n = write(fd, b->data + done, b->size - done);
      assert_true(n > 0);
      done += (size_t) n;
   }
   close(fd);
   free(b->data);
   *b = (struct bytes){.data = NULL};
   return path;
}

static void forget(char *path)
{
   unlink(path);
   free(path);
}

/* Reads until the end, damage or an error. \return the last state */
static enum source_state read_all(struct source *s, unsigned *packets, unsigned *interrupted)
{
   enum source_state state;
   *packets = *interrupted = 0;
   do {
      struct raw_packet raw[64];
      unsigned n = 0;
      state = s->read(s, raw, LEN(raw), &n);
      *packets += n;
      *interrupted += state == SOURCE_INTERRUPTED;
   } while (state == SOURCE_PACKETS || state == SOURCE_INTERRUPTED);
   return state;
}

/* --------------------------------------------------------------------- formats */

static void pcap_files_of_every_order_and_unit(void **state)
{
   static struct capture_format f;
   (void) state;
   for (int i = 0; i < 4; i++) {
      bool nano = (i & 2) != 0, found;
      struct bytes b = {.swapped = (i & 1) != 0};
      struct raw_packet raw;
      pcap_header(&b, nano ? 0xa1b23c4d : 0xa1b2c3d4, LINK_ETHERNET);
      pcap_packet(&b, 1000, 5, "abc", 3);
      assert_int_equal(capture_format_detect(&f, b.data, 23), 0);
      assert_int_equal(capture_format_detect(&f, b.data, b.size), 24);
      assert_int_equal(f.next(&f, b.data + 24, 18, &raw, &found), 0);
      assert_int_equal(f.next(&f, b.data + 24, 19, &raw, &found), 19);
      assert_true(found && raw.captured == 3 && raw.wire == 60);
      assert_true(raw.time == 1000 * NS + (nano ? 5 : 5000));
      memset(b.data + 24, 0xff, 16);
      assert_int_equal(f.next(&f, b.data + 24, 19, &raw, &found), -1);
      free(b.data);
   }
}

static void what_is_no_capture_is_named(void **state)
{
   static struct capture_format f;
   struct bytes b = {.swapped = false};
   (void) state;
   assert_int_equal(capture_format_detect(&f, (const uint8_t *) "GET / HTTP/1.1\r\n", 16), -1);
   assert_string_equal(f.error, "not a capture file (magic 0x20544547, expected pcap or pcapng)");
   pcap_header(&b, 0xa1b2c3d4, 220);
   assert_int_equal(capture_format_detect(&f, b.data, b.size), -1);
   assert_string_equal(f.error, "link type 220 (USB, Linux) is not supported");
   free(b.data);
}

/* The halves of the offset differ, so that exchanging them fails the test. */
static void pcapng_times_follow_the_interface(void **state)
{
   static struct capture_format f;
   (void) state;
   for (int swapped = 0; swapped < 2; swapped++) {
      struct bytes b = {.swapped = swapped != 0};
      struct raw_packet raw = {0};
      bool found = false;
      size_t at = 0;
      section(&b);
      interface(&b, 0, 9, 0);
      interface(&b, 0, 6, 0x100000002); /* after 2106 */
      interface(&b, 0, 3, -1000);
      block(&b, 0xbad, "ignored!", 8);
      enhanced_packet(&b, 0, (UINT64_C(1) << 32) + 7, "data", 4);
      enhanced_packet(&b, 1, 5000001, "data", 4);
      enhanced_packet(&b, 2, 1000001, "data", 4);
      enhanced_packet(&b, 2, 999000, "data", 4);
      assert_true(capture_format_detect(&f, b.data, b.size) == CAPTURE_NO_HEADER);
      static const uint64_t expected[] = {(UINT64_C(1) << 32) + 7, UINT32_MAX * NS + 999999999, 1000000, 0};
      for (size_t i = 0; i < LEN(expected); found = false) {
         assert_true(next(&f, &b, &at, &raw, &found) > 0);
         if (found) {
            assert_true(raw.time == expected[i]);
            assert_int_equal(raw.wire, 61);
            assert_memory_equal(raw.data, "data", 4);
            i++;
         }
      }
      assert_int_equal(at, b.size);
      assert_int_equal(f.clamped, 2);
      b.data[b.size - (swapped ? 1 : 4)] ^= 4; /* the two lengths of the last block differ */
      at = b.size - 36;
      assert_int_equal(next(&f, &b, &at, &raw, &found), -1);
      assert_non_null(strstr(f.error, "two different lengths"));
      free(b.data);
   }
}

static void pcapng_has_limits(void **state)
{
   static struct capture_format f;
   static uint8_t big[CAPTURE_MAX_PACKET + 4];
   struct raw_packet raw = {0};
   bool found;
   (void) state;
   for (uint32_t more = 0; more <= 1; more++) {
      struct bytes b = {.swapped = false};
      size_t at = 0;
      section(&b);
      for (unsigned i = 0; i < CAPTURE_MAX_INTERFACES + more; i++) {
         interface(&b, 0, 6, 0);
      }
      enhanced_packet(&b, CAPTURE_MAX_INTERFACES - 1, 1, big, CAPTURE_MAX_PACKET);
      simple_packet(&b, big, CAPTURE_MAX_PACKET);
      capture_format_detect(&f, b.data, b.size);
      int64_t n = 1;
      while (n > 0 && at < b.size) {
         n = next(&f, &b, &at, &raw, &found);
      }
      assert_int_equal(n > 0, more == 0);
      assert_true(more == 0 || strstr(f.error, "more interfaces") != NULL);
      free(b.data);
   }
   for (int kind = 0; kind < 3; kind++) { /* one packet too large, of an interface that does not exist */
      struct bytes b = {.swapped = false};
      size_t at = 0;
      section(&b);
      interface(&b, 0, 6, 0);
      if (kind == 0) {
         enhanced_packet(&b, 0, 1, big, sizeof(big));
      } else if (kind == 1) {
         simple_packet(&b, big, sizeof(big));
      } else {
         enhanced_packet(&b, 1, 1, big, 4);
      }
      capture_format_detect(&f, b.data, b.size);
      assert_true(next(&f, &b, &at, &raw, &found) > 0);
      assert_true(next(&f, &b, &at, &raw, &found) > 0);
      assert_int_equal(next(&f, &b, &at, &raw, &found), -1);
      free(b.data);
   }
}

/* ----------------------------------------------------------------------- files */

/* A file of blocks without packets: next() returns often enough for the caller to check for signals. */
static void blocks_without_packets_do_not_hold_up_the_reader(void **state)
{
   static const uint8_t nothing[1024];
   struct bytes b = {.swapped = false};
   char error[SOURCE_ERROR_SIZE] = "";
   unsigned packets, interrupted;
   (void) state;
   section(&b);
   while (b.size < 64 * MIB) {
      block(&b, 5, nothing, sizeof(nothing));
   }
   interface(&b, 0, 6, 0);
   enhanced_packet(&b, 0, 1, "data", 4);
   char *path = save(&b);
   struct source *s = source_open_file(path, error);
   assert_non_null(s);
   assert_int_equal(read_all(s, &packets, &interrupted), SOURCE_END);
   assert_int_equal(packets, 1);
   assert_in_range(interrupted, 3, 10);
   s->close(s);
   forget(path);
}

/* No buffer holds what is passed over: a block of 40 MiB needs no more memory than any other. Its end is checked. */
static void blocks_that_are_not_read_may_have_any_size(void **state)
{
   static uint8_t large[40 * MIB];
   char error[SOURCE_ERROR_SIZE] = "";
   unsigned packets, interrupted;
   (void) state;
   source_set_memory(2 * MIB);
   for (int wrong = 0; wrong < 3; wrong++) {
      struct bytes b = {.swapped = false};
      section(&b);
      interface(&b, 0, 6, 0);
      enhanced_packet(&b, 0, 1, "data", 4);
      block(&b, 0x40000bad, large, sizeof(large));
      b.data[b.size - 4] ^= wrong == 1 ? 4 : 0; /* the second length */
      b.size -= wrong == 2 ? 4 : 0;             /* cut there */
      if (wrong != 2) {
         enhanced_packet(&b, 0, 1, "data", 4);
      }
      char *path = save(&b);
      struct source *s = source_open_file(path, error);
      assert_non_null(s);
      assert_int_equal(read_all(s, &packets, &interrupted), wrong == 0 ? SOURCE_END : SOURCE_DAMAGED);
      assert_int_equal(packets, wrong == 0 ? 2 : 1);
      s->close(s);
      forget(path);
   }
   source_set_memory(SOURCE_MEMORY);
}

/* Blocks of 16 MiB need a buffer of that size: of all open files together, not more than the limit. */
static void large_blocks_are_within_the_limit_of_memory(void **state)
{
   static uint8_t large[CAPTURE_MAX_BLOCK - 12];
   struct bytes b = {.swapped = false};
   char error[SOURCE_ERROR_SIZE] = "";
   unsigned packets, interrupted;
   struct source *s[2];
   (void) state;
   section(&b);
   interface(&b, 0, 6, 0);
   enhanced_packet(&b, 0, 1, "data", 4);
   block(&b, 1, large, sizeof(large));
   enhanced_packet(&b, 0, 1, "data", 4);
   char *path = save(&b);
   source_set_memory(20 * MIB);
   for (int round = 0; round < 3; round++) { /* closing a file frees its memory */
      for (int i = 0; i < 2; i++) {
         s[i] = source_open_file(path, error);
         assert_non_null(s[i]);
      }
      assert_int_equal(read_all(s[0], &packets, &interrupted), SOURCE_END);
      assert_int_equal(packets, 2);
      assert_int_equal(read_all(s[1], &packets, &interrupted), SOURCE_FAILED);
      assert_int_equal(packets, 1);
      assert_non_null(strstr(s[1]->error, "a block needs"));
      assert_non_null(strstr(s[1]->error, "of the limit of 20 MiB"));
      s[0]->close(s[0]);
      s[1]->close(s[1]);
   }
   source_set_memory(SOURCE_MEMORY);
   forget(path);
}

/* The lowest free descriptor, which shows whether one was left open. */
static int lowest_free(void)
{
   int fd = dup(0);
   close(fd);
   return fd;
}

static void more_files_than_memory_for_their_buffers_are_refused(void **state)
{
   struct bytes b = {.swapped = false};
   char error[SOURCE_ERROR_SIZE] = "";
   (void) state;
   pcap_header(&b, 0xa1b2c3d4, LINK_ETHERNET);
   char *path = save(&b);
   struct source *s[5] = {NULL};
   int before = lowest_free();
   source_set_memory(2 * MIB);
   for (int i = 0; i < 5; i++) {
      s[i] = source_open_file(path, error);
      assert_int_equal(s[i] != NULL, i < 4);
   }
   assert_non_null(strstr(error, "of the limit of 2 MiB"));
   for (int i = 0; i < 4; i++) {
      s[i]->close(s[i]);
   }
   assert_int_equal(lowest_free(), before);
   source_set_memory(SOURCE_MEMORY);
   forget(path);
}

/* Files that are no captures do not keep the others from being read; each is named once. */
static void one_bad_file_among_many_is_named_and_passed_over(void **state)
{
   char error[SOURCE_ERROR_SIZE] = "", *paths[5];
   unsigned packets, interrupted, named = 0;
   (void) state;
   for (size_t i = 0; i < LEN(paths); i++) {
      struct bytes b = {.swapped = false};
      if (i != 0) {
         pcap_header(&b, 0xa1b2c3d4, i == 3 ? 220 : LINK_ETHERNET);
         pcap_packet(&b, 1000, 0, "data", 4);
      }
      if (i == 1) {
         memcpy(b.data, "text", 4);
      }
      paths[i] = save(&b);
   }
   int before = lowest_free();
   struct source *s = source_open_files((const char *const *) paths, LEN(paths), error);
   assert_non_null(s);
   unsigned sum = 0;
   enum source_state end;
   while ((end = read_all(s, &packets, &interrupted)) == SOURCE_DAMAGED) {
      sum += packets;
      assert_non_null(strstr(s->error, paths[(const unsigned[]){0, 1, 3}[named++]]));
   }
   assert_int_equal(end, SOURCE_END);
   assert_int_equal(sum + packets, 2);
   assert_int_equal(named, 3);
   s->close(s);
   const char *bad[] = {paths[0], paths[1]};
   assert_null(source_open_files(bad, 2, error));
   assert_non_null(strstr(error, paths[1]));
   assert_int_equal(lowest_free(), before);
   for (size_t i = 0; i < LEN(paths); i++) {
      forget(paths[i]);
   }
}

#ifdef HAVE_ZSTD
/* The capture compressed, with a window of 2^log bytes. */
static void compress(struct bytes *b, int log)
{
   ZSTD_CCtx *z = ZSTD_createCCtx();
   size_t room = ZSTD_compressBound(b->size) + 64;
   struct bytes packed = {.data = malloc(room)};
   ZSTD_outBuffer out = {.dst = packed.data, .size = room};
   ZSTD_inBuffer in = {.src = b->data, .size = b->size};
   assert_true(z != NULL && packed.data != NULL);
   ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, log);
   ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
   while (in.pos < in.size) {
      ZSTD_compressStream2(z, &out, &in, ZSTD_e_continue);
   }
   while (ZSTD_compressStream2(z, &out, &in, ZSTD_e_end) != 0) {
   }
   ZSTD_freeCCtx(z);
   free(b->data);
   packed.size = out.pos;
   *b = packed;
}

/* 100 packets in the seconds from first on, compressed. */
static char *compressed_capture(uint32_t first, int log)
{
   static const uint8_t data[1000];
   struct bytes b = {.swapped = false};
   pcap_header(&b, 0xa1b2c3d4, LINK_ETHERNET);
   for (uint32_t i = 0; i < 100; i++) {
      pcap_packet(&b, first + i, 0, data, sizeof(data));
   }
   compress(&b, log);
   return save(&b);
}

static void windows_are_within_the_limit_of_memory(void **state)
{
   char error[SOURCE_ERROR_SIZE] = "";
   char *paths[40];
   unsigned packets, interrupted;
   (void) state;
   source_set_memory(20 * MIB);
   for (int overlap = 0; overlap < 2; overlap++) { /* the same files without an overlap are read */
      for (unsigned i = 0; i < LEN(paths); i++) {
         paths[i] = compressed_capture(1000 + (overlap ? 0 : 100 * i), 22);
      }
      struct source *s = source_open_files((const char *const *) paths, LEN(paths), error);
      assert_non_null(s);
      enum source_state end = read_all(s, &packets, &interrupted);
      if (overlap) {
         assert_int_equal(end, SOURCE_DAMAGED); /* the others go on */
         assert_non_null(strstr(s->error, "the zstd window needs 6 MiB"));
      } else {
         assert_int_equal(end, SOURCE_END);
         assert_int_equal(packets, 100 * LEN(paths));
      }
      s->close(s);
      for (unsigned i = 0; i < LEN(paths); i++) {
         forget(paths[i]);
      }
   }
   source_set_memory(SOURCE_MEMORY);
}

static void a_window_beyond_the_limit_is_refused_before_it_is_allocated(void **state)
{
   char error[SOURCE_ERROR_SIZE] = "", *path = compressed_capture(1000, 25);
   unsigned packets, interrupted;
   (void) state;
   source_set_memory(20 * MIB);
   struct source *s = source_open_file(path, error);
   assert_non_null(s);
   assert_int_equal(read_all(s, &packets, &interrupted), SOURCE_FAILED);
   assert_int_equal(packets, 0);
   assert_non_null(strstr(s->error, "the zstd window exceeds the limit of 20 MiB"));
   s->close(s);
   source_set_memory(SOURCE_MEMORY);
   s = source_open_file(path, error);
   assert_int_equal(read_all(s, &packets, &interrupted), SOURCE_END);
   assert_int_equal(packets, 100);
   s->close(s);
   forget(path);
}

/* Damage and the end are two results, and packets before the damage are delivered. */
static void compressed_captures_that_are_cut_or_changed_are_damaged(void **state)
{
   struct bytes whole = {.swapped = false};
   char error[SOURCE_ERROR_SIZE] = "";
   uint8_t noise[1000];
   unsigned packets, interrupted, some = 0;
   (void) state;
   srandom(3);
   pcap_header(&whole, 0xa1b2c3d4, LINK_ETHERNET);
   for (uint32_t i = 0; i < 600; i++) {
      for (size_t k = 0; k < sizeof(noise); k++) {
         noise[k] = (uint8_t) random();
      }
      pcap_packet(&whole, 1000 + i, 0, noise, sizeof(noise));
   }
   compress(&whole, 20);
   for (size_t cut = 24; cut < whole.size; cut += whole.size / 9) {
      for (int flip = 0; flip < 2; flip++) {
         struct bytes b = {.swapped = false};
         put(&b, whole.data, flip ? whole.size : cut);
         b.data[cut - 10] ^= flip ? 1 : 0;
         char *path = save(&b);
         struct source *s = source_open_file(path, error);
         assert_int_equal(read_all(s, &packets, &interrupted), SOURCE_DAMAGED);
         assert_non_null(strstr(s->error, flip ? "zstd: " : "truncated compressed data"));
         assert_non_null(strstr(s->error, "damaged after packet"));
         some += packets > 0 && !flip;
         s->close(s);
         forget(path);
      }
   }
   assert_in_range(some, 5, 9);
   free(whole.data);
}
#endif

/* ------------------------------------------------------------------- the pace */

/* Packets with these times, one at a time. */
struct listed_source {
   struct source source;
   const uint64_t *times;
   unsigned n, next;
   bool *closed;
};

static enum source_state listed_read(struct source *s, struct raw_packet *packets, unsigned max,
                                     unsigned *count)
{
   struct listed_source *l = (struct listed_source *) s;
   *count = 0;
   while (*count < max && l->next < l->n) {
      packets[(*count)++] = (struct raw_packet){.time = l->times[l->next++]};
   }
   return *count > 0 ? SOURCE_PACKETS : SOURCE_END;
}

static void listed_close(struct source *s)
{
   *((struct listed_source *) s)->closed = true;
   free(s);
}

/* A day of silence, and one wrong time, take a minute each at most, which at this speed is 60 ms. */
static void packets_come_at_their_pace_in_their_order(void **state)
{
   const uint64_t day = 86400 * NS, begin = 1000 * day;
   const uint64_t times[] = {begin,
                             begin,
                             begin + 10 * NS,
                             begin + 9 * NS,
                             begin + day,
                             begin + 90 * day,
                             begin + day + NS,
                             begin + day + 40 * NS};
   bool closed = false, idle = false;
   struct listed_source *l = calloc(1, sizeof(*l));
   struct raw_packet packets[4];
   unsigned count = 0, seen = 0;
   enum source_state is = SOURCE_IDLE;
   assert_non_null(l);
   *l = (struct listed_source){.source = {.read = listed_read, .close = listed_close},
                               .times = times,
                               .n = LEN(times),
                               .closed = &closed};
   struct source *s = source_paced(&l->source, 1000);
   assert_non_null(s);
   while ((is = s->read(s, packets, LEN(packets), &count)) != SOURCE_END) {
      assert_true(is == SOURCE_PACKETS || is == SOURCE_IDLE);
      if (is == SOURCE_IDLE) {
         idle = true;
         assert_int_equal(count, 0);
         assert_true(s->now >= begin);
      }
      for (unsigned i = 0; i < count; i++) {
         assert_int_equal(packets[i].time, times[seen++]);
      }
   }
   assert_int_equal(seen, LEN(times));
   assert_true(idle);
   s->close(s);
   assert_true(closed);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(pcap_files_of_every_order_and_unit),
       cmocka_unit_test(what_is_no_capture_is_named),
       cmocka_unit_test(pcapng_times_follow_the_interface),
       cmocka_unit_test(pcapng_has_limits),
       cmocka_unit_test(blocks_without_packets_do_not_hold_up_the_reader),
       cmocka_unit_test(blocks_that_are_not_read_may_have_any_size),
       cmocka_unit_test(large_blocks_are_within_the_limit_of_memory),
       cmocka_unit_test(more_files_than_memory_for_their_buffers_are_refused),
       cmocka_unit_test(packets_come_at_their_pace_in_their_order),
       cmocka_unit_test(one_bad_file_among_many_is_named_and_passed_over),
#ifdef HAVE_ZSTD
       cmocka_unit_test(windows_are_within_the_limit_of_memory),
       cmocka_unit_test(a_window_beyond_the_limit_is_refused_before_it_is_allocated),
       cmocka_unit_test(compressed_captures_that_are_cut_or_changed_are_damaged),
#endif
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
