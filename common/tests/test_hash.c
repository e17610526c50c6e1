/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <nemea-common/nc_hash.h>

static void set_key(uint8_t number)
{
   nc_hash_expand_key(&nc_hash_key_, (const uint8_t[16]){number});
}

static void test_depends_on_all_bytes_and_the_size(void **state)
{
   uint8_t key[2 * NC_HASH_SHORT] = {0};
   set_key(1);
   for (size_t size = 1; size <= sizeof(key); size++) {
      uint64_t base = nc_hash(key, size);
      assert_int_equal(base, nc_hash(key, size));
      assert_int_not_equal(base, nc_hash(key, size - 1));
      for (size_t bit = 0; bit < size * 8; bit++) {
         key[bit / 8] ^= (uint8_t) (1u << (bit % 8));
         assert_int_not_equal(base, nc_hash(key, size));
         key[bit / 8] ^= (uint8_t) (1u << (bit % 8));
      }
   }
}

static void test_forms_agree(void **state)
{
   uint64_t words[NC_HASH_SHORT / 8];
   for (unsigned i = 0; i < NC_HASH_SHORT / 8; i++) {
      words[i] = i * UINT64_C(0x0123456789abcdef);
      assert_int_equal(nc_hash_words(words, i + 1), nc_hash(words, 8 * (i + 1)));
   }
   assert_int_equal(nc_hash_u64(words[3]), nc_hash(&words[3], 8));
}

/* The first and the longest vector of the reference implementation, for SipHash-1-3. */
static void test_siphash(void **state)
{
   uint8_t secret[16], data[64];
   uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
   for (uint8_t i = 0; i < sizeof(data); i++) {
      data[i] = i;
   }
   assert_int_equal(nc_hash_parse_secret("000102030405060708090a0B0C0D0E0f", secret), 0);
   assert_memory_equal(secret, data, 16);
   assert_int_equal(nc_hash_long(data, 0, key), UINT64_C(0xabac0158050fc4dc));
   assert_int_equal(nc_hash_long(data, 1, key), UINT64_C(0xc9f49bf37d57ca93));
   assert_int_equal(nc_hash_long(data, 8, key), UINT64_C(0x369095118d299a8e));
}

/* Sets of inputs that a sender could choose to fall together: counting in one part with all else equal, parts that cancel
 * in sums, differences and xors, constants of well-known hashes, and multiples of a power of two. */
static void chosen(unsigned set, uint64_t i, uint64_t key[5])
{
   static const uint64_t constants[] = {UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db),
                                        UINT64_C(0x8ebc6af09c88c6e3), UINT64_C(0x9e3779b97f4a7c15)};
   memset(key, 0, 5 * sizeof(*key));
   switch (set) {
   case 0:
   case 1:
   case 2:
   case 3:
   case 4: key[set] = i; break;
   case 5:
      key[0] = i;
      key[2] = 0 - i;
      break;
   case 6:
      key[0] = i;
      key[2] = i;
      break;
   case 7: key[0] = i << 48; break;
   case 8: key[1] = i << 32; break;
   case 9: key[0] = i * 511 * 256; break;
   case 10:
      key[0] = ~i;
      key[1] = ~UINT64_C(0);
      break;
   case 11: key[3] = i << 52 | i >> 12; break;
   default: /* every word that a fold could meet as a constant */
      key[0] = key[2] = constants[set % 4];
      key[1] = key[3] = i;
      if (set >= 16) {
         key[1] = constants[(set + 1) % 4];
         key[4] = i << 16;
      }
   }
}

/* Under any key, chosen inputs spread like random ones: no bucket has more than chance gives it, at both ends of the hash. */
static void test_chosen_inputs_spread(void **state)
{
   enum { KEYS = 1 << 16, PLACES = 256, SETS = 20 };
   for (uint8_t secret = 0; secret < 8; secret++) {
      set_key(secret);
      for (unsigned set = 0; set < SETS; set++) {
         uint32_t low[PLACES] = {0}, high[PLACES] = {0};
         for (uint32_t i = 0; i < KEYS; i++) {
            uint64_t key[5];
            chosen(set, i, key);
            uint64_t hash = nc_hash(key, sizeof(key));
            low[hash % PLACES]++;
            high[hash >> 56]++;
         }
         double square_low = 0, square_high = 0;
         for (unsigned i = 0; i < PLACES; i++) {
            double l = low[i] - 256.0, h = high[i] - 256.0;
            assert_in_range(low[i], 160, 352); /* mean 256, deviation 16 */
            assert_in_range(high[i], 160, 352);
            square_low += l * l / 256;
            square_high += h * h / 256;
         }
         /* Chi-square with 255 degrees: mean 255, deviation 22.6. */
         assert_true(square_low < 400 && square_high < 400);
      }
   }
}

static int compare(const void *a, const void *b)
{
   uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;
   return (x > y) - (x < y);
}

static void test_no_two_chosen_inputs_are_equal_in_48_bits(void **state)
{
   enum { KEYS = 1 << 16 };
   static uint64_t all[KEYS];
   for (unsigned set = 0; set < 20; set++) {
      set_key((uint8_t) (100 + set));
      for (uint32_t i = 0; i < KEYS; i++) {
         uint64_t key[5];
         chosen(set, i, key);
         all[i] = nc_hash(key, sizeof(key)) >> 16;
      }
      qsort(all, KEYS, sizeof(*all), compare);
      for (uint32_t i = 1; i < KEYS; i++) {
         assert_int_not_equal(all[i], all[i - 1]);
      }
   }
}

/* The hash of another process of this program. Status 1: it did not come so far. */
static int other_process(const char *fixed, uint64_t *hash)
{
   int fd[2], status;
   char command[600], self[400];
   ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
   assert_true(n > 0);
   self[n] = 0;
   assert_int_equal(pipe(fd), 0);
   snprintf(command, sizeof(command), "exec '%s' show >&%d 2>/dev/null", self, fd[1]);
   if (fixed != NULL) {
      setenv("NEMEA_HASH_KEY", fixed, 1);
   } else {
      unsetenv("NEMEA_HASH_KEY");
   }
   status = system(command);
   unsetenv("NEMEA_HASH_KEY");
   close(fd[1]);
   n = read(fd[0], hash, sizeof(*hash));
   close(fd[0]);
   assert_true(WIFEXITED(status));
   assert_true((WEXITSTATUS(status) == 0) == (n == (ssize_t) sizeof(*hash)));
   return WEXITSTATUS(status);
}

static void test_key_of_the_process(void **state)
{
   static const char good[] = "00112233445566778899aabbccddeeff";
   static const char *const bad[] = {"",
                                     "42",
                                     "00112233445566778899aabbccddeef",
                                     "00112233445566778899aabbccddeeff0",
                                     "0x112233445566778899aabbccddeeff",
                                     "00112233445566778899aabbccddeefg"};
   uint64_t a, b;
   assert_int_equal(other_process(NULL, &a), 0);
   assert_int_equal(other_process(NULL, &b), 0);
   assert_int_not_equal(a, b);
   assert_int_equal(other_process(good, &a), 0);
   assert_int_equal(other_process(good, &b), 0);
   assert_int_equal(a, b);
   assert_int_equal(other_process("00112233445566778899aabbccddeefe", &b), 0);
   assert_int_not_equal(a, b);
   for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
      assert_int_equal(other_process(bad[i], &a), 1);
   }
}

int main(int argc, char **argv)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_depends_on_all_bytes_and_the_size),
       cmocka_unit_test(test_forms_agree),
       cmocka_unit_test(test_siphash),
       cmocka_unit_test(test_chosen_inputs_spread),
       cmocka_unit_test(test_no_two_chosen_inputs_are_equal_in_48_bits),
       cmocka_unit_test(test_key_of_the_process),
   };
   if (argc > 1) { /* for test_key_of_the_process() */
      uint64_t hash = nc_hash(argv[1], 4);
      return write(STDOUT_FILENO, &hash, sizeof(hash)) != (ssize_t) sizeof(hash);
   }
   return cmocka_run_group_tests(tests, NULL, NULL);
}
