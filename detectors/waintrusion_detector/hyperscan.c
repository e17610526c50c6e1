/* SPDX-License-Identifier: BSD-3-Clause */
#include "hyperscan.h"

#include <hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Approximate where exact is not possible: what it lets through too much, PCRE2 finds out. */
#define FLAGS (HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY | HS_FLAG_PREFILTER)

struct hyperscan {
   hs_database_t *database; /* NULL: all signatures are always candidates */
   hs_scratch_t *scratch;
   uint32_t words; /* of bits */
   uint64_t always[RULES_WORDS];
};

/* What is compiled: expressions, and the numbers of their signatures. */
struct set {
   const char **patterns;
   unsigned *flags, *ids, n;
};

/* \param[out] wrong the expression that cannot be compiled, -1: it is another reason */
static bool compile(struct hyperscan *h, const struct set *set, int *wrong, char error[RULES_ERROR])
{
   hs_compile_error_t *why = NULL;
   *wrong = -1;
   if (hs_compile_multi(set->patterns, set->flags, set->ids, set->n, HS_MODE_BLOCK, NULL, &h->database,
                        &why) == HS_SUCCESS) {
      return true;
   }
   *wrong = why != NULL ? why->expression : -1;
   snprintf(error, RULES_ERROR, "Hyperscan: %.300s", why != NULL ? why->message : "out of memory");
   hs_free_compile_error(why);
   return false;
}

static bool compile_all(struct hyperscan *h, struct set *set, char error[RULES_ERROR])
{
   int wrong;
   while (set->n > 0 && !compile(h, set, &wrong, error)) {
      if (wrong < 0 || (unsigned) wrong >= set->n) {
         return false;
      }
      unsigned id = set->ids[wrong];
      h->always[id / 64] |= UINT64_C(1) << id % 64;
      set->n--;
      set->patterns[wrong] = set->patterns[set->n]; /* their order does not matter */
      set->ids[wrong] = set->ids[set->n];
   }
   if (set->n > 0 && hs_alloc_scratch(h->database, &h->scratch) != HS_SUCCESS) {
      snprintf(error, RULES_ERROR, "Hyperscan: out of memory");
      return false;
   }
   return true;
}

struct hyperscan *hyperscan_new(const struct signature *list, uint32_t n, char error[RULES_ERROR])
{
   struct hyperscan *h = calloc(1, sizeof(*h));
   struct set set = {calloc(n + 1, sizeof(*set.patterns)), calloc(n + 1, sizeof(*set.flags)),
                     calloc(n + 1, sizeof(*set.ids)), n};
   bool good = h != NULL && set.patterns != NULL && set.flags != NULL && set.ids != NULL;
   if (!good) {
      snprintf(error, RULES_ERROR, "out of memory");
   }
   for (uint32_t i = 0; good && i < n; i++) {
      set.patterns[i] = list[i].pattern;
      set.flags[i] = FLAGS;
      set.ids[i] = i;
   }
   if (good) {
      h->words = (n + 63) / 64;
      good = compile_all(h, &set, error);
   }
   free(set.patterns);
   free(set.flags);
   free(set.ids);
   if (!good) {
      hyperscan_free(h);
      return NULL;
   }
   return h;
}

void hyperscan_free(struct hyperscan *h)
{
   if (h != NULL) {
      hs_free_scratch(h->scratch);
      hs_free_database(h->database);
      free(h);
   }
}

static int found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
   uint64_t *bits = context;
   (void) from;
   (void) to;
   (void) flags;
   bits[id / 64] |= UINT64_C(1) << id % 64;
   return 0;
}

void hyperscan_candidates(struct hyperscan *h, const char *text, size_t n, uint64_t bits[RULES_WORDS])
{
   for (uint32_t i = 0; i < h->words; i++) {
      bits[i] |= h->always[i];
   }
   if (h->database != NULL &&
       hs_scan(h->database, text, (unsigned) n, 0, h->scratch, found, bits) != HS_SUCCESS) {
      memset(bits, 0xff, h->words * sizeof(bits[0])); /* cannot be; all are tried then */
   }
}
