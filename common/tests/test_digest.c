/* SPDX-License-Identifier: BSD-3-Clause */
/* The source itself, so that both forms of SHA-256 can be compared, whatever the processor has. */
#include "../src/nc_digest.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_sha256(const char *text, size_t times, const char *hex)
{
   struct nc_digest d;
   uint8_t sum[NC_SHA256_SIZE];
   char got[2 * NC_SHA256_SIZE + 1];
   nc_sha256_begin(&d);
   for (size_t i = 0; i < times; i++) {
      nc_digest_add(&d, text, strlen(text));
   }
   nc_sha256_end(&d, sum);
   for (size_t i = 0; i < NC_SHA256_SIZE; i++) {
      snprintf(got + 2 * i, 3, "%02x", sum[i]);
   }
   assert_string_equal(got, hex);
}

/* The examples of FIPS 180-2, with whatever the processor has and without. */
static void sha256_examples(void **state)
{
   (void) state;
   void (*const chosen)(uint32_t *, const uint8_t *) = sha256_transform;
   for (unsigned portable = 0; portable < 2; portable++) {
      sha256_transform = portable ? sha256_block : chosen;
      assert_sha256("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
      assert_sha256("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
      assert_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
      assert_sha256("aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
   }
   sha256_transform = chosen;
}

static void md5_example(void **state)
{
   (void) state;
   static const uint8_t expected[NC_MD5_SIZE] = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
                                                 0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
   struct nc_digest d;
   uint8_t sum[NC_MD5_SIZE];
   nc_md5_begin(&d);
   nc_digest_add(&d, "abc", 3);
   nc_md5_end(&d, sum);
   assert_memory_equal(sum, expected, sizeof(sum));
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(sha256_examples), cmocka_unit_test(md5_example)};
   return cmocka_run_group_tests(tests, NULL, NULL);
}
