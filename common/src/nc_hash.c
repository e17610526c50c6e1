/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/nc_hash.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

nc_hash_key_t nc_hash_key_;

void nc_hash_expand_key(nc_hash_key_t *key, const uint8_t secret[16])
{
   uint64_t sip[2] = {nc_hash_little_endian_(secret, 8), nc_hash_little_endian_(secret + 8, 8)};
   uint64_t *words = (uint64_t *) key;
   for (uint64_t i = 0; i < sizeof(*key) / sizeof(uint64_t); i++) {
      words[i] = nc_hash_long(&i, sizeof(i), sip);
   }
}

static int digit(char c)
{
   return c >= '0' && c <= '9'   ? c - '0'
          : c >= 'a' && c <= 'f' ? c - 'a' + 10
          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                 : -1;
}

int nc_hash_parse_secret(const char *text, uint8_t secret[16])
{
   for (int i = 0; i < 16; i++) {
      int high = digit(text[2 * i]), low = high >= 0 ? digit(text[2 * i + 1]) : -1;
      if (low < 0) {
         return -1;
      }
      secret[i] = (uint8_t) (high << 4 | low);
   }
   return text[32] == 0 ? 0 : -1;
}

/* Without getrandom(): the clock and the layout of the address space are the best sources left. */
static void weak_secret(uint8_t secret[16])
{
   struct timespec now;
   clock_gettime(CLOCK_MONOTONIC, &now);
   uint64_t words[2] = {(uint64_t) now.tv_nsec ^ (uint64_t) (uintptr_t) secret, (uint64_t) getpid()};
   memcpy(secret, words, sizeof(words));
}

/* Before the constructors of programs and of C++ objects, which may use tables. */
__attribute__((constructor(101))) static void set_process_key(void)
{
   uint8_t secret[16];
   const char *fixed = secure_getenv("NEMEA_HASH_KEY");
   if (fixed != NULL) {
      if (nc_hash_parse_secret(fixed, secret) != 0) {
         fprintf(stderr, "NEMEA_HASH_KEY: \"%.40s\" is not 32 hexadecimal digits\n", fixed);
         _exit(EXIT_FAILURE);
      }
   } else if (getrandom(secret, sizeof(secret), 0) != (ssize_t) sizeof(secret)) {
      weak_secret(secret);
   }
   nc_hash_expand_key(&nc_hash_key_, secret);
}
