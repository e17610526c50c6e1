/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin tls, its fingerprints and digests. */
#include "plugins/tls_hello.h"
#include "plugin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct bytes {
   uint8_t b[4096];
   size_t n;
};

static void put(struct bytes *m, const void *p, size_t n)
{
   memcpy(m->b + m->n, p, n);
   m->n += n;
}

static void put16(struct bytes *m, unsigned v)
{
   m->b[m->n++] = (uint8_t) (v >> 8);
   m->b[m->n++] = (uint8_t) v;
}

/* A ClientHello in a record: two ciphers and GREASE, SNI, groups, formats, signatures, ALPN, versions, a padding. */
static void client_hello(struct bytes *m, size_t padding)
{
   struct bytes body = {.n = 0}, ext = {.n = 0};
   put(&ext, "\x1a\x1a\0\0", 4);
   put(&ext, "\0\0\0\x10\0\x0e\0\0\x0bwww.test.eu", 20);
   put(&ext, "\0\x0a\0\x06\0\x04\x2a\x2a\0\x1d", 10);
   put(&ext, "\0\x0b\0\x02\x01\0", 6);
   put(&ext, "\0\x0d\0\x06\0\x04\x04\x03\x08\x04", 10);
   put(&ext, "\0\x10\0\x05\0\x03\x02h2", 9);
   put(&ext, "\0\x2b\0\x07\x06\x3a\x3a\x03\x04\x03\x03", 11);
   put(&ext, "\0\x15", 2);
   put16(&ext, (unsigned) padding);
   memset(ext.b + ext.n, 0, padding);
   ext.n += padding;
   put(&body, "\x03\x03", 2);
   put(&body, "0123456789abcdef0123456789abcdef\0\0\x06\x0a\x0a\x13\x02\x13\x01\x01\0", 43);
   put16(&body, (unsigned) ext.n);
   put(&body, ext.b, ext.n);
   m->n = 0;
   put(m, "\x16\x03\x01", 3);
   put16(m, (unsigned) body.n + 4);
   put(m, "\x01\0", 2);
   put16(m, (unsigned) body.n);
   put(m, body.b, body.n);
}

static const uint8_t server_hello[] = "\x16\x03\x03\0\x3d\x02\0\0\x39\x03\x03"
                                      "0123456789abcdef0123456789abcdef\0\x13\x01\0\0\x11"
                                      "\0\x2b\0\x02\x03\x04\0\x10\0\x07\0\x05\x04spdy";

static void digests_are_those_of_the_standards(void **state)
{
   struct nc_digest d;
   uint8_t hash[NC_SHA256_SIZE];
   (void) state;
   nc_md5_begin(&d);
   nc_digest_add(&d, "message ", 8);
   nc_digest_add(&d, "digest", 6);
   nc_md5_end(&d, hash);
   assert_memory_equal(hash, "\xf9\x6b\x69\x7d\x7c\xb7\x93\x8d\x52\x5a\x2f\x31\xaa\xf1\x61\xd0", NC_MD5_SIZE);
   nc_sha256_begin(&d);
   nc_digest_add(&d, "abc", 3);
   nc_sha256_end(&d, hash);
   assert_memory_equal(
       hash,
       "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c"
       "\xb4\x10\xff\x61\xf2\x00\x15\xad",
       NC_SHA256_SIZE);
   nc_sha256_begin(&d); /* the padding needs a block of its own */
   nc_digest_add(&d, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
   nc_sha256_end(&d, hash);
   assert_memory_equal(hash, "\x24\x8d\x6a\x61\xd2\x06\x38\xb8\xe5\xc0\x26\x93\x0c\x3e\x60\x39", 16);
}

static void both_hellos_give_a_record(void **state)
{
   struct bytes m;
   (void) state;
   client_hello(&m, 8);
   struct rig *r = rig_new("tls", "", false, 8443);
   rig_packet(r, false, 2, "", 0);
   rig_packet(r, false, 0x18, m.b, m.n);
   rig_packet(r, true, 0x18, server_hello, sizeof(server_hello) - 1);
   assert_string_equal(rig_string(r, 0, "TLS_SNI"), "www.test.eu");
   assert_string_equal(rig_string(r, 0, "TLS_ALPN"), "spdy");
   assert_int_equal(rig_number(r, 0, "TLS_VERSION"), 0x0304);
   assert_int_equal(rig_elements(r, 0, "TLS_EXT_TYPE"), 8);
   assert_int_equal(rig_element(r, 0, "TLS_EXT_LEN", 7), 8);
   rig_free(r);
}

static void fingerprints_of_both_kinds(void **state)
{
   struct bytes m;
   char expected[64];
   struct nc_digest d;
   uint8_t hash[NC_SHA256_SIZE], ja3[NC_MD5_SIZE];
   (void) state;
   client_hello(&m, 8);
   nc_md5_begin(&d);
   nc_digest_add(&d, "771,4866-4865,0-10-11-13-16-43-21,29,0", 38);
   nc_md5_end(&d, ja3);
   nc_sha256_begin(&d);
   nc_digest_add(&d, "1301,1302", 9);
   nc_sha256_end(&d, hash);
   for (unsigned standard = 0; standard < 2; standard++) {
      struct rig *r = rig_new("tls", standard ? "ja4" : "", false, 443);
      rig_packet(r, false, 0x18, m.b, m.n);
      const char *ja4 = rig_string(r, 0, "TLS_JA4");
      snprintf(expected, sizeof(expected), "%sh2_%02x%02x%02x%02x%02x%02x_", standard ? "t13d0207" : "t13d28",
               hash[0], hash[1], hash[2], hash[3], hash[4], hash[5]);
      assert_memory_equal(ja4, expected, strlen(expected));
      assert_int_equal(strlen(ja4), strlen(expected) + 12);
      assert_memory_equal(rig_string(r, 0, "TLS_JA3"), ja3, NC_MD5_SIZE);
      rig_free(r);
   }
}

/* The example of FoxIO's definition (technical_details/JA4.md): the same lists, with GREASE between them, in some order. */
static void the_ja4_of_foxios_example(void **state)
{
   static const uint16_t types[] = {0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d,
                                    0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0x3a3a};
   static const char ciphers[] = "\x2a\x2a\x13\x01\x13\x02\x13\x03\xc0\x2b\xc0\x2f\xc0\x2c\xc0\x30\xcc\xa9"
                                 "\xcc\xa8\xc0\x13\xc0\x14\0\x9c\0\x9d\0\x2f\0\x35";
   struct bytes m = {.n = 0}, body = {.n = 0}, ext = {.n = 0};
   (void) state;
   for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
      put16(&ext, types[i]);
      switch (types[i]) {
      case 0x0010: put(&ext, "\0\x0e\0\x0c\x02h2\x08http/1.1", 16); break;
      case 0x002b: put(&ext, "\0\x07\x06\x0a\x0a\x03\x04\x03\x03", 9); break;
      case 0x000d:
         put(&ext, "\0\x12\0\x10\x04\x03\x08\x04\x04\x01\x05\x03\x08\x05\x05\x01\x08\x06\x06\x01", 20);
         break;
      default: put16(&ext, 0); break;
      }
   }
   put(&body,
       "\x03\x03"
       "0123456789abcdef0123456789abcdef\0",
       35);
   put16(&body, sizeof(ciphers) - 1);
   put(&body, ciphers, sizeof(ciphers) - 1);
   put(&body, "\x01\0", 2);
   put16(&body, (unsigned) ext.n);
   put(&body, ext.b, ext.n);
   put(&m, "\x16\x03\x01", 3);
   put16(&m, (unsigned) body.n + 4);
   put(&m, "\x01\0", 2);
   put16(&m, (unsigned) body.n);
   put(&m, body.b, body.n);
   struct rig *r = rig_new("tls", "ja4", false, 443);
   rig_packet(r, false, 0x18, m.b, m.n);
   assert_string_equal(rig_string(r, 0, "TLS_JA4"), "t13d1516h2_8daaf6152771_e5627efa2ab1");
   rig_free(r);
}

/* Each byte of a hello, changed: what is remembered is what is computed. */
static void known_fingerprints_are_those_of_the_hello(void **state)
{
   static struct tls_known known[TLS_KNOWN];
   struct bytes m;
   unsigned parsed = 0;
   (void) state;
   client_hello(&m, 4);
   for (size_t at = 5; at < m.n; at++) {
      for (unsigned change = 0; change < 4; change++) {
         struct bytes other = m;
         struct tls_hello h;
         uint8_t ja3[2][NC_MD5_SIZE];
         char ja4[2][JA4_SIZE];
         other.b[at] ^= (uint8_t) (change << change);
         if (!tls_parse_hello(other.b + 5, other.n - 5, TLS_CLIENT_HELLO, &h)) {
            continue;
         }
         tls_ja3(&h, ja3[0]);
         for (unsigned way = 0; way < 8; way++) {
            const char kind = (way & 1) != 0 ? 'q' : 't';
            const bool standard = (way & 2) != 0;
            unsigned n = tls_ja4(&h, kind, standard, ja4[0]);
            assert_int_equal(tls_fingerprints(known, &h, kind, standard, ja3[1], ja4[1]), n);
            assert_memory_equal(ja4[1], ja4[0], n);
            assert_memory_equal(ja3[1], ja3[0], NC_MD5_SIZE);
         }
         parsed++;
      }
   }
   assert_true(parsed > 100);
}

static void a_hello_in_segments_is_put_together(void **state)
{
   struct bytes m;
   (void) state;
   client_hello(&m, 2000);
   for (size_t part = 11; part < m.n; part += 97) {
      struct rig *r = rig_new("tls", "", false, 443);
      rig_packet(r, false, 0x10, m.b, part);
      rig_packet(r, true, 0x10, "", 0);
      r->seq[0] -= (uint32_t) part; /* retransmitted: not counted twice */
      rig_packet(r, false, 0x10, m.b, part);
      rig_packet(r, false, 0x18, m.b + part, m.n - part);
      rig_flush(r);
      assert_int_equal(r->n_records, 1);
      assert_string_equal(rig_string(r, 0, "TLS_SNI"), "www.test.eu");
      rig_free(r);
   }
}

static void a_gap_in_the_segments_gives_nothing(void **state)
{
   struct bytes m;
   (void) state;
   client_hello(&m, 2000);
   struct rig *r = rig_new("tls", "", false, 443);
   rig_packet(r, false, 0x10, m.b, 500);
   r->seq[0] += 500;
   rig_packet(r, false, 0x18, m.b + 1000, m.n - 1000);
   rig_flush(r);
   assert_int_equal(r->n_records, 0);
   rig_free(r);
}

static void broken_hellos_give_nothing(void **state)
{
   struct bytes m;
   (void) state;
   client_hello(&m, 8);
   for (size_t n = 0; n < m.n; n++) {
      struct rig *r = rig_new("tls", "", true, 443); /* not TCP: no reassembly */
      rig_packet(r, false, 0, m.b, n);
      rig_flush(r);
      assert_int_equal(r->n_records, 0);
      rig_free(r);
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(digests_are_those_of_the_standards),
       cmocka_unit_test(both_hellos_give_a_record),
       cmocka_unit_test(fingerprints_of_both_kinds),
       cmocka_unit_test(the_ja4_of_foxios_example),
       cmocka_unit_test(known_fingerprints_are_those_of_the_hello),
       cmocka_unit_test(a_hello_in_segments_is_put_together),
       cmocka_unit_test(a_gap_in_the_segments_gives_nothing),
       cmocka_unit_test(broken_hellos_give_nothing),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
