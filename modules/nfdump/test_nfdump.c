/* SPDX-License-Identifier: BSD-3-Clause */
/** Files of nfdump: samples of real ones (tests/nfdump), damaged ones, and what the writer makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef HAVE_LZ4
#include <lz4.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include <cmocka.h>

#include "compression.h"
#include "reader.h"
#include "writer.h"

#define MAX_FILE 8192

/* All members; what pads the structure may differ. */
#define assert_same_flow(a, b) assert_memory_equal(a, b, offsetof(struct nf_flow, engine_id) + 1)

static uint8_t content[MAX_FILE];
static size_t length;
static char path[] = "/tmp/nfdump-XXXXXX";

static void load(const char *name)
{
   char from[500];
   snprintf(from, sizeof(from), "%s/%s", SAMPLES, name);
   FILE *file = fopen(from, "re");
   assert_non_null(file);
   length = fread(content, 1, sizeof(content), file);
   fclose(file);
}

/* Flows of the first n bytes of content. \return what ended it */
static enum nf_result read_content(nf_reader_t *r, size_t n, unsigned *flows)
{
   struct nf_flow flow;
   FILE *stream = fmemopen(content, n, "r");
   enum nf_result result = NF_DAMAGED;
   *flows = 0;
   assert_non_null(stream);
   if (nf_reader_open_stream(r, stream, "F")) {
      while ((result = nf_reader_next(r, &flow)) == NF_FLOW_READ) {
         ++*flows;
      }
      if (result == NF_DAMAGED) { /* and stays so */
         assert_int_equal(nf_reader_next(r, &flow), NF_DAMAGED);
      }
   }
   return result;
}

static void check_damage(const char *expected, unsigned n)
{
   nf_reader_t *r = nf_reader_new();
   unsigned flows;
   assert_int_equal(read_content(r, length, &flows), NF_DAMAGED);
   assert_string_equal(nf_reader_error(r), expected);
   assert_int_equal(flows, n);
   nf_reader_free(r);
}

static void samples_have_the_same_flows(void **state)
{
   static const struct {
      const char *name;
      enum nf_compression compression;
   } samples[] = {{"v1-none.nf", NF_PLAIN}, {"v1-lzo.nf", NF_LZO},    {"v1-bz2.nf", NF_BZ2},
                  {"v1-lz4.nf", NF_LZ4},    {"v2-none.nf", NF_PLAIN}, {"v2-lzo.nf", NF_LZO},
                  {"v2-bz2.nf", NF_BZ2},    {"v2-lz4.nf", NF_LZ4},    {"v2-zstd.nf", NF_ZSTD}};
   static struct nf_flow all[30], flow;
   (void) state;
   nf_reader_t *r = nf_reader_new();
   for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
      char name[500];
      snprintf(name, sizeof(name), "%s/%s", SAMPLES, samples[i].name);
      const char *lacks = nf_compression_lacks(samples[i].compression);
      assert_int_equal(nf_reader_open(r, name), lacks == NULL);
      if (lacks != NULL) {
         assert_non_null(strstr(nf_reader_error(r), lacks));
         continue;
      }
      for (unsigned k = 0; k < 30; k++) {
         assert_int_equal(nf_reader_next(r, &flow), NF_FLOW_READ);
         flow.direction = 0; /* is not read of version 1 */
         all[k] = i == 0 ? flow : all[k];
         assert_same_flow(&flow, &all[k]);
      }
      assert_int_equal(nf_reader_next(r, &flow), NF_END);
   }
   assert_int_equal(nf_reader_unknown(r), 0);
   nf_reader_free(r);
   ip_addr_t v6;
   assert_true(ip_from_str("2001:db8::3", &v6));
   assert_memory_equal(&all[20].src, &v6, sizeof(v6));
   const struct nf_flow *f = &all[5];
   assert_int_equal(ip_get_v4_as_int(&f->src), 0x0a010208);
   assert_int_equal(ip_get_v4_as_int(&f->dst), 0xc0000204);
   assert_true(f->first == 1700000007172 && f->last == 1700000010672);
   assert_true(f->packets == 5000000000 && f->bytes == 6000000000000);
   assert_int_equal(f->input, 2);
   assert_int_equal(f->protocol, 1);
   assert_int_equal(f->tos, 28);
   assert_int_equal(f->dst_port, 0x0800);
   assert_int_equal(all[0].src_port, 40000);
   assert_int_equal(all[0].tcp_flags, 2);
}

/* Without its last byte, a file of version 2 has all its flows: that byte is of the appendix. */
static void the_flows_before_the_end_of_a_cut_file_are_there(void **state)
{
   static const struct {
      const char *name;
      enum nf_compression compression;
      size_t first;          /* byte of the first block with flows */
      unsigned flows, least; /* when the last byte is missing; when half of the file is */
   } files[] = {{"v1-none.nf", NF_PLAIN, 276, 29, 13}, {"v1-lzo.nf", NF_LZO, 276, 29, 8},
                {"v1-lz4.nf", NF_LZ4, 276, 29, 9},     {"v1-bz2.nf", NF_BZ2, 276, 30, 0},
                {"v2-none.nf", NF_PLAIN, 40, 30, 15},  {"v2-lzo.nf", NF_LZO, 40, 30, 13},
                {"v2-lz4.nf", NF_LZ4, 40, 30, 13},     {"v2-bz2.nf", NF_BZ2, 40, 30, 0},
                {"v2-zstd.nf", NF_ZSTD, 40, 30, 0}};
   (void) state;
   nf_reader_t *r = nf_reader_new();
   for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
      load(files[i].name);
      unsigned flows, before = 0;
      if (nf_compression_lacks(files[i].compression) != NULL) {
         continue;
      }
      for (size_t n = 1; n < length; n++) {
         assert_int_equal(read_content(r, n, &flows), NF_DAMAGED);
         assert_non_null(strstr(nf_reader_error(r), "the file ends"));
         assert_true(flows >= before && (n > files[i].first || flows == 0));
         before = flows;
         assert_true(n != length / 2 || flows >= files[i].least);
      }
      assert_int_equal(before, files[i].flows);
   }
   nf_reader_free(r);
}

/* Of nfdump -B; whose flows are those of send_flows.py. nfdump 1.6 has the flags of both directions in one number. */
static void flows_of_both_directions_have_two_counters(void **state)
{
   static const char *const names[] = {"v1-both.nf", "v2-both.nf"};
   (void) state;
   nf_reader_t *r = nf_reader_new();
   for (size_t i = 0; i < 2; i++) {
      struct nf_flow flow;
      unsigned both = 0, n = 0;
      load(names[i]);
      assert_true(nf_reader_open_stream(r, fmemopen(content, length, "r"), "F"));
      for (; nf_reader_next(r, &flow) == NF_FLOW_READ; n++) {
         both += flow.packets_rev > 0;
         assert_true(flow.packets_rev > 0 || flow.bytes_rev == 0);
         if (flow.src_port == 40002) {
            assert_true(flow.packets_rev == 5000000000 && flow.bytes_rev == 6000000000000);
            assert_int_equal(flow.tcp_flags_rev, i == 0 ? 0 : 0x12);
            assert_int_equal(flow.input, 1);
            assert_int_equal(flow.output, 2);
            ip_addr_t client;
            assert_true(ip_from_str("2001:db8::2", &client));
            nf_flow_reverse(&flow);
            assert_memory_equal(&flow.dst, &client, sizeof(client));
            assert_true(flow.src_port == 443 && flow.dst_port == 40002 && flow.packets == 5000000000);
            assert_true(flow.input == 2 && flow.output == 1 && flow.packets_rev == 0);
         }
      }
      assert_int_equal(n, 7);
      assert_int_equal(both, 3);
   }
   nf_reader_free(r);
}

static void damage_is_named_with_its_place(void **state)
{
   static const struct {
      const char *name, *error;
      size_t at;
      uint8_t value;
      unsigned flows;
   } cases[] = {
       {"v2-none.nf", "F: byte 0: this is no file of nfdump: it begins with 0xa5ff, expected 0xa50c", 0, 0xff,
        0},
       {"v2-none.nf", "F: byte 2: version 3 of the file format, expected 1 or 2", 2, 3, 0},
       {"v2-none.nf", "F: byte 16: unknown compression 5, expected 0 to 4", 16, 5, 0},
       {"v2-none.nf", "F: byte 17: the file is encrypted (method 1), which is not supported", 17, 1, 0},
       {"v2-none.nf", "F: byte 3444: the flows end here, and the header says at byte 3445", 24, 0x75, 30},
       {"v2-none.nf", "F: byte 3613: the file ends behind block 2 of 3", 36, 2, 30},
       {"v2-none.nf", "F: byte 3444: something follows the last of 1 blocks", 18, 0, 30},
       {"v2-none.nf", "F: byte 40: block 1 has 31 records, its header says 32", 40, 32, 30},
       {"v2-none.nf", "F: byte 40: a block of 4278193472 bytes, expected at most 16777216", 47, 0xff, 0},
       {"v2-none.nf", "F: byte 40: an encrypted block, which is not supported", 50, 2, 0},
       {"v2-none.nf",
        "F: byte 40: block 1, record 1 at its byte 0: it is longer than the block, or shorter than its own "
        "header",
        54, 3, 0},
       {"v1-none.nf", "F: byte 4: flags 0x9: expected one compression at most", 4, 9, 0},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      load(cases[i].name);
      content[cases[i].at] = cases[i].value;
      check_damage(cases[i].error, cases[i].flows);
   }
   load("v2-none.nf");
   content[0] = 0xa5;
   content[1] = 0x0c;
   check_damage(
       "F: byte 0: it was written on a machine of the other byte order; nfdump there can send its flows", 0);
}

/* Any byte may be anything; sanitizers and the assertions of the reader judge. */
static void no_byte_is_believed(void **state)
{
   static const char *const names[] = {"v1-none.nf", "v1-both.nf", "v2-none.nf", "v2-both.nf"};
   (void) state;
   nf_reader_t *r = nf_reader_new();
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      load(names[i]);
      for (size_t at = 0; at < length; at++) {
         unsigned flows;
         uint8_t old = content[at];
         content[at] = (uint8_t) (old ^ 0xff);
         read_content(r, length, &flows);
         assert_true(flows <= 30);
         content[at] = old;
      }
   }
   nf_reader_free(r);
}

/* A file of version 1 with a flow of type 1, which nfdump wrote up to 1.6.17; by the documented layout, since no
 * such release could be run. */
static void flows_of_the_oldest_type_are_read(void **state)
{
   (void) state;
   load("v1-none.nf");
   memset(content + 276, 0, sizeof(content) - 276);
   nf_put32(content + 8, 1);
   uint8_t *p = content + 276;
   nf_put32(p, 2); /* records */
   nf_put32(p + 4, 12 + 28 + 16 + 4);
   nf_put16(p + 8, 2);
   p += 12;
   nf_put16(p, 2); /* extension map 7: the index of the input with 16 bits */
   nf_put16(p + 2, 12);
   nf_put16(p + 4, 7);
   nf_put16(p + 6, 4);
   nf_put16(p + 8, 4);
   p += 12;
   nf_put16(p, 1);
   nf_put16(p + 2, 28 + 16 + 4);
   nf_put16(p + 6, 7);
   nf_put16(p + 8, 123);
   nf_put16(p + 10, 456);
   nf_put32(p + 12, 1000);
   nf_put32(p + 16, 1001);
   p[21] = 0x12;
   p[22] = 6;
   p[23] = 8;
   nf_put16(p + 24, 1234);
   nf_put16(p + 26, 80);
   nf_put32(p + 28, 0x0a000001);
   nf_put32(p + 32, 0x0a000002);
   nf_put32(p + 36, 11);
   nf_put32(p + 40, 2222);
   nf_put16(p + 44, 5);
   nf_reader_t *r = nf_reader_new();
   struct nf_flow flow;
   length = 276 + 12 + 60;
   assert_true(nf_reader_open_stream(r, fmemopen(content, length, "r"), "F"));
   assert_int_equal(nf_reader_next(r, &flow), NF_FLOW_READ);
   const struct nf_flow expected = {.src = ip_from_int(0x0a000001),
                                    .dst = ip_from_int(0x0a000002),
                                    .first = 1000123,
                                    .last = 1001456,
                                    .packets = 11,
                                    .bytes = 2222,
                                    .input = 5,
                                    .src_port = 1234,
                                    .dst_port = 80,
                                    .protocol = 6,
                                    .tcp_flags = 0x12,
                                    .tos = 8};
   assert_same_flow(&flow, &expected);
   assert_int_equal(nf_reader_next(r, &flow), NF_END);
   content[276 + 12 + 12 + 2] = 28 + 16; /* without the extensions that the map promises */
   content[276 + 4] = 12 + 28 + 16;
   assert_true(nf_reader_open_stream(r, fmemopen(content, length - 4, "r"), "F"));
   assert_int_equal(nf_reader_next(r, &flow), NF_DAMAGED);
   assert_string_equal(nf_reader_error(r), "F: byte 276: block 1, record 2 at its byte 12: it is shorter "
                                           "than its flags and its extension map say");
   nf_reader_free(r);
}

static struct nf_flow made(unsigned i)
{
   struct nf_flow f = {.src = ip_from_int(0x0a000000 + i),
                       .dst = ip_from_int(1),
                       .first = 1700000000000 + i,
                       .last = 1700000000999 + i,
                       .packets = i,
                       .bytes = 6000000000ull * i,
                       .input = i % 9,
                       .src_port = (uint16_t) i,
                       .dst_port = 443,
                       .protocol = 17,
                       .tos = 3,
                       .direction = 1,
                       .engine_id = 7};
   if (i % 3 == 0) {
      assert_true(ip_from_str("2001:db8::1", &f.src) && ip_from_str("::1.2.3.4", &f.dst));
      f.protocol = 6;
      f.tcp_flags = (uint8_t) i;
   }
   return f;
}

static void write_flows(bool append, const enum nf_compression *compression, unsigned from, unsigned to)
{
   char error[NF_WRITER_ERROR];
   nf_writer_t *w = nf_writer_open(path, append, compression, error);
   assert_non_null(w);
   for (; from < to; from++) {
      struct nf_flow flow = made(from);
      assert_true(nf_writer_add(w, &flow));
   }
   assert_true(nf_writer_close(w, error));
}

static void what_is_written_is_read(void **state)
{
   static const enum nf_compression compressions[] = {NF_PLAIN, NF_LZO, NF_BZ2};
   (void) state;
   for (size_t i = 0; i < 3; i++) {
      char error[NF_WRITER_ERROR];
      if (nf_compression_lacks(compressions[i]) != NULL) {
         assert_null(nf_writer_open(path, false, &compressions[i], error));
         assert_non_null(strstr(error, nf_compression_lacks(compressions[i])));
         continue;
      }
      const unsigned n = 15000; /* more than a block has */
      write_flows(false, &compressions[i], 0, 1);
      write_flows(true, NULL, 1, 1);
      write_flows(true, &compressions[i], 1, n);
      nf_reader_t *r = nf_reader_new();
      struct nf_flow flow;
      assert_true(nf_reader_open(r, path));
      for (unsigned k = 0; k < n; k++) {
         struct nf_flow expected = made(k);
         assert_int_equal(nf_reader_next(r, &flow), NF_FLOW_READ);
         assert_same_flow(&flow, &expected);
      }
      assert_int_equal(nf_reader_next(r, &flow), NF_END);
      nf_reader_free(r);
   }
}

static void check_refused(const char *sample, const enum nf_compression *compression, const char *expected)
{
   char error[NF_WRITER_ERROR];
   FILE *file = fopen(path, "we");
   assert_non_null(file);
   load(sample);
   assert_int_equal(fwrite(content, 1, length, file), length);
   fclose(file);
   assert_null(nf_writer_open(path, true, compression, error));
   assert_non_null(strstr(error, expected));
   file = fopen(path, "re"); /* and nothing was changed */
   assert_non_null(file);
   uint8_t now[MAX_FILE];
   assert_int_equal(fread(now, 1, sizeof(now), file), length);
   assert_memory_equal(now, content, length);
   fclose(file);
}

/* Packs with what this build has. \return 0: it does not have it */
static size_t pack(enum nf_compression kind, const uint8_t *data, size_t n, uint8_t *out, size_t capacity)
{
#ifdef HAVE_ZSTD
   if (kind == NF_ZSTD) {
      return ZSTD_compress(out, capacity, data, n, 1);
   }
#endif
#ifdef HAVE_LZ4
   if (kind == NF_LZ4) {
      return (size_t) LZ4_compress_default((const char *) data, (char *) out, (int) n, (int) capacity);
   }
#endif
   assert_true(nf_compress_bound(n) <= capacity);
   return nf_compress(kind, data, n, out);
}

/* bzip2 decompresses pieces of 900 kB, zstd of 128 KiB, the others all that is there. */
static void a_block_without_its_end_is_decompressed_as_far_as_it_goes(void **state)
{
   static const struct {
      enum nf_compression kind;
      size_t least; /* without 1/16 of the packed block */
   } cases[] = {{NF_LZO, 900000}, {NF_BZ2, 890000}, {NF_LZ4, 900000}, {NF_ZSTD, 900000}};
   static uint8_t data[1 << 20], packed[sizeof(data) * 5 / 4], out[sizeof(data)];
   uint32_t random = 1;
   (void) state;
   for (size_t i = 0; i < sizeof(data); i++) {
      random = random * 1664525 + 1013904223;
      data[i] = (uint8_t) (i % 100 < 24 ? random >> 24 : i % 100); /* as records are */
   }
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      size_t n = pack(cases[i].kind, data, sizeof(data), packed, sizeof(packed)), before = 0;
      assert_true(n < sizeof(packed) && (n > 0 || nf_compression_lacks(cases[i].kind) != NULL));
      for (size_t k = 1; k <= 16 && n > 0; k += k == 15 ? 1 : 14) {
         size_t size = nf_decompress_part(cases[i].kind, packed, n - n / 16 * (16 - k), out, sizeof(out));
         assert_in_range(size, before, sizeof(data));
         assert_memory_equal(out, data, size);
         assert_true(k != 15 || size >= cases[i].least);
         before = size;
      }
      assert_true(before == sizeof(data) || n == 0);
   }
}

static void other_files_are_not_appended_to(void **state)
{
   static const enum nf_compression lzo = NF_LZO;
   (void) state;
   check_refused("v1-none.nf", NULL, "expected a file of nfdump 1.7 (version 2) to append to");
   check_refused("v2-none.nf", &lzo, "its compression is none, not LZO");
   check_refused("v2-zstd.nf", NULL, "its compression is ZSTD, which can be read only");
}

static int make_path(void **state)
{
   (void) state;
   int fd = mkostemp(path, O_CLOEXEC);
   return fd >= 0 ? close(fd) : -1;
}

static int remove_path(void **state)
{
   (void) state;
   return unlink(path);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(samples_have_the_same_flows),
       cmocka_unit_test(the_flows_before_the_end_of_a_cut_file_are_there),
       cmocka_unit_test(flows_of_both_directions_have_two_counters),
       cmocka_unit_test(damage_is_named_with_its_place),
       cmocka_unit_test(no_byte_is_believed),
       cmocka_unit_test(flows_of_the_oldest_type_are_read),
       cmocka_unit_test(what_is_written_is_read),
       cmocka_unit_test(a_block_without_its_end_is_decompressed_as_far_as_it_goes),
       cmocka_unit_test(other_files_are_not_appended_to),
   };
   return cmocka_run_group_tests(tests, make_path, remove_path);
}
