/* SPDX-License-Identifier: BSD-3-Clause */
/** AES, Crypto-PAn both ways, addresses in texts, and what the module does with records. */
#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <nemea/module_test.h>

#include <cmocka.h>

#include "aes.h"
#include "cryptopan.h"

static const uint8_t reference_key[CRYPTOPAN_KEY] = {21,  34, 23,  141, 51, 164, 207, 128, 19,  10,  91,
                                                     22,  73, 144, 125, 16, 216, 152, 143, 131, 121, 121,
                                                     101, 39, 98,  87,  76, 45,  42,  132, 34,  2};

/* FIPS 197, appendix C.1; 9 blocks, so that both loops are used. */
static void aes_of_the_standard(void **state)
{
   static const uint8_t expected[AES_BLOCK] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                               0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};
   (void) state;
   for (int portable = 0; portable < 2; portable++) {
      uint8_t key[AES_BLOCK], blocks[9][AES_BLOCK];
      struct aes aes;
      for (int i = 0; i < AES_BLOCK; i++) {
         key[i] = (uint8_t) i;
         for (int k = 0; k < 9; k++) {
            blocks[k][i] = (uint8_t) (i * 0x11);
         }
      }
      aes_init(&aes, key, portable);
      aes_encrypt(&aes, blocks[0], blocks[0], 9);
      for (int k = 0; k < 9; k++) {
         assert_memory_equal(blocks[k], expected, AES_BLOCK);
      }
   }
}

static ip_addr_t address(const char *text)
{
   ip_addr_t ip = {.ui64 = {0, 0}};
   assert_int_equal(ip_from_str(text, &ip), 1);
   return ip;
}

static void reference_vectors(void **state)
{
   static const char *const pairs[][2] = {{"128.11.68.132", "135.242.180.132"},
                                          {"129.118.74.4", "134.136.186.123"},
                                          {"24.5.0.80", "100.9.15.210"}};
   (void) state;
   for (unsigned flags = 0; flags <= CRYPTOPAN_PORTABLE; flags += CRYPTOPAN_PORTABLE) {
      struct cryptopan *c = cryptopan_new(reference_key, flags);
      for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
         char text[INET6_ADDRSTRLEN];
         ip_addr_t from = address(pairs[i][0]), to = cryptopan_map(c, &from);
         ip_to_str(&to, text);
         assert_string_equal(text, pairs[i][1]);
      }
      cryptopan_free(c);
   }
}

/* More addresses than the cache holds; the second pass meets a full one. */
static void there_and_back(void **state)
{
   (void) state;
   for (unsigned flags = 0; flags <= CRYPTOPAN_MURMUR; flags++) {
      struct cryptopan *there = cryptopan_new(reference_key, flags),
                       *back = cryptopan_new(reference_key, flags | CRYPTOPAN_REVERSE);
      for (uint32_t i = 0; i < 140000; i++) {
         ip_addr_t from = ip_from_int(i * 2654435761u);
         if (i % 16 == 0) {
            from.ui64[0] = i * UINT64_C(0x9e3779b97f4a7c15);
            from.ui64[1] = ~from.ui64[0] * 31;
         }
         ip_addr_t to = cryptopan_map(there, &from), again = cryptopan_map(back, &to);
         assert_memory_equal(&again, &from, sizeof(from));
         assert_int_equal(ip_is4(&to), ip_is4(&from));
      }
      cryptopan_free(there);
      cryptopan_free(back);
   }
}

static unsigned common_prefix(uint32_t a, uint32_t b)
{
   return a == b ? 32 : (unsigned) __builtin_clz(a ^ b);
}

static void prefixes_stay_prefixes(void **state)
{
   (void) state;
   struct cryptopan *c = cryptopan_new(reference_key, 0);
   uint32_t before = 0x0a010203, mapped;
   ip_addr_t ip = ip_from_int(before), to = cryptopan_map(c, &ip);
   mapped = ip_get_v4_as_int(&to);
   for (unsigned bit = 0; bit < 32; bit++) {
      uint32_t other = before ^ (1u << bit);
      ip = ip_from_int(other);
      to = cryptopan_map(c, &ip);
      assert_int_equal(common_prefix(mapped, ip_get_v4_as_int(&to)), common_prefix(before, other));
   }
   cryptopan_free(c);
}

/* In each text "@" stands for an address that must be mapped. */
static void every_address_in_a_text(void **state)
{
   static const char *const texts[][3] = {
       {"@", "10.0.0.1"},
       {"<sip:a@@:5060>;received=@", "10.0.0.1", "192.168.1.77"},
       {"SIP/2.0/UDP [@]:5060;maddr=@", "fe80::1", "10.9.8.7"},
       {"sip:@", "2001:db8::5"},
       {"@:", "2001:db8::5"},
       {"::ffff:@ x", "10.0.0.1"},
       {"(@)", "64:ff9b::10.1.2.3"},
       {"1234.5.6.7 1.2.3.456 01:02:03:04:05:06 12:30:45 a:b c3po 300.1.1.1", NULL},
       {"z9:@,@", "1:2:3:4:5:6:7:8", "1.2.3.4"},
   };
   (void) state;
   struct cryptopan *there = cryptopan_new(reference_key, 0),
                    *back = cryptopan_new(reference_key, CRYPTOPAN_REVERSE);
   for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
      char from[200] = "", expected[400] = "", to[400], again[400];
      int used = 1;
      for (const char *p = texts[i][0]; *p != 0; p++) {
         char one[2] = {*p, 0}, mapped[INET6_ADDRSTRLEN];
         bool replaced = *p == '@' && (p[1] != '@') && used < 3 && texts[i][used] != NULL;
         if (replaced) {
            ip_addr_t ip = address(texts[i][used]);
            ip = cryptopan_map(there, &ip);
            ip_to_str(&ip, mapped);
         }
         strcat(from, replaced ? texts[i][used] : one);
         strcat(expected, replaced ? mapped : one);
         used += replaced;
      }
      size_t n = cryptopan_map_text(there, from, strlen(from), to, sizeof(to) - 1);
      assert_true(n < sizeof(to));
      to[n] = 0;
      assert_string_equal(to, expected);
      n = cryptopan_map_text(back, to, n, again, sizeof(again) - 1);
      again[n] = 0;
      if (strstr(from, "64:ff9b") == NULL) { /* comes back in another form of writing */
         assert_string_equal(again, from);
      }
      assert_int_equal(cryptopan_map_text(there, from, strlen(from), again, 3) == SIZE_MAX,
                       strlen(expected) > 3);
   }
   cryptopan_free(there);
   cryptopan_free(back);
}

static void fields_of_records(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "-S");
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, "ipaddr SRC_IP,ipaddr DST_IP,uint16 ID,string SIP_VIA"), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "10.0.0.1,192.168.1.1,1,\"UDP 10.0.0.1:5060 10.0.0.1\""), NM_OK);
   assert_string_equal(nm_test_next(t, 0),
                       "73.167.62.14,10.0.0.1,1,\"UDP 250.43.64.104:5060 250.43.64.104\"");
   assert_int_equal(nm_test_format(t, 0, "ipaddr SRC_IP,ipaddr DST_IP"), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "10.0.0.1,192.168.1.1"), NM_OK);
   assert_string_equal(nm_test_next(t, 0), "73.167.62.14,10.0.0.1");
   assert_int_equal(nm_test_format(t, 0, "uint16 ID"), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "7"), NM_OK);
   assert_string_equal(nm_test_next(t, 0), "7");
   assert_int_equal(nm_test_end(t, 0), NM_STOP);
   nm_test_free(t);
}

/* A text that grows beyond what a record holds goes out empty, and the module goes on. */
static void a_text_that_becomes_too_long(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "");
   assert_int_equal(nm_test_format(t, 0, "uint16 ID,string SIP_VIA"), NM_OK);
   char *values = calloc(1, 66000);
   strcpy(values, "5,\"");
   for (size_t i = 3; i < 65000; i += 4) {
      memcpy(values + i, "::1 ", 4);
   }
   strcat(values, "\"");
   assert_int_equal(nm_test_feed(t, 0, values), NM_OK);
   free(values);
   assert_string_equal(nm_test_next(t, 0), "5,\"\"");
   assert_int_equal(nm_test_counter(t, "texts cleared"), 1);
   nm_test_free(t);
}

static void keys(void **state)
{
   static const struct {
      const char *text; /* after -k, or the file's first line */
      int status, file_status;
   } cases[] = {
       {"01234567890123450123456789012345", 0, 0},
       {"0x00000000000000000000000000000000000000000000000000000000000000ff", 0, 0},
       {"0X00000000000000000000000000000000000000000000000000000000000000FF", 0, 0},
       {"0x00000000000000000000000000000000000000000000000000000000000000fg", 3, 2},
       {"short", 3, 2},
   };
   char path[] = "/tmp/anonymizer-XXXXXX", line[128];
   int fd = mkostemp(path, O_CLOEXEC);
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      snprintf(line, sizeof(line), "-k %s", cases[i].text);
      nm_test_t *t = nm_test_new(&nm_definition, line);
      assert_int_equal(nm_test_status(t), cases[i].status);
      nm_test_free(t);
      int n = snprintf(line, sizeof(line), "%s \t\r\nsecond line\n", cases[i].text);
      assert_int_equal(ftruncate(fd, 0), 0);
      assert_int_equal(pwrite(fd, line, (size_t) n, 0), n);
      snprintf(line, sizeof(line), "-k short -f %s", path); /* the file goes first */
      t = nm_test_new(&nm_definition, line);
      assert_int_equal(nm_test_status(t), cases[i].file_status);
      nm_test_free(t);
   }
   close(fd);
   unlink(path);
   nm_test_t *t = nm_test_new(&nm_definition, "-f /nonexistent");
   assert_int_equal(nm_test_status(t), 2);
   assert_non_null(strstr(nm_test_error(t), "Could not open file with secret key"));
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(aes_of_the_standard),
       cmocka_unit_test(reference_vectors),
       cmocka_unit_test(there_and_back),
       cmocka_unit_test(prefixes_stay_prefixes),
       cmocka_unit_test(every_address_in_a_text),
       cmocka_unit_test(fields_of_records),
       cmocka_unit_test(a_text_that_becomes_too_long),
       cmocka_unit_test(keys),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
