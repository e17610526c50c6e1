// SPDX-License-Identifier: BSD-3-Clause
// The bloom filter: nothing inserted is missed, false positives as promised, counts that are right.
#include <nemea-common/BloomFilter.hpp>

#include <cstdio>
#include <cstdlib>

#define CHECK(what)                                                             \
   do {                                                                         \
      if (!(what)) {                                                            \
         std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
         std::exit(1);                                                          \
      }                                                                         \
   } while (0)

static bloom_parameters parameters(unsigned long long elements, double fpp)
{
   bloom_parameters p;
   p.projected_element_count = elements;
   p.false_positive_probability = fpp;
   CHECK(p.compute_optimal_parameters());
   return p;
}

static void finds_all_and_few_others(double fpp)
{
   const uint32_t n = 50000, others = 1000000;
   bloom_filter f(parameters(n, fpp));
   for (uint32_t i = 0; i < n; i++) {
      f.insert(i);
   }
   uint32_t wrong = 0;
   for (uint32_t i = 0; i < n; i++) {
      CHECK(f.contains(i));
   }
   for (uint32_t i = n; i < n + others; i++) {
      wrong += f.contains(i);
   }
   CHECK(wrong < others * fpp * 1.5 + 10);
   CHECK(f.element_count() == n && f.effective_fpp() < fpp * 1.05);
}

static void optimal_size_is_the_textbook_one()
{
   bloom_parameters p = parameters(10000, 0.01);
   CHECK(p.optimal_parameters.number_of_hashes == 7); // ln 2 * m / n
   CHECK(p.optimal_parameters.table_size % 8 == 0 && p.optimal_parameters.table_size >= 95850 && p.optimal_parameters.table_size < 96000);
   p.false_positive_probability = 1.5;
   CHECK(!p && !p.compute_optimal_parameters());
   bloom_parameters limited;
   limited.maximum_size = 4096;
   limited.maximum_number_of_hashes = 3;
   CHECK(limited.compute_optimal_parameters());
   CHECK(limited.optimal_parameters.table_size == 4096 && limited.optimal_parameters.number_of_hashes == 3);
}

static void containsinsert_counts_new_elements_only()
{
   bloom_filter f(parameters(1000, 0.0001));
   const unsigned char *key = reinterpret_cast<const unsigned char *>("10.0.0.1");
   CHECK(!f.containsinsert(key, 8));
   CHECK(f.element_count() == 1);
   CHECK(f.containsinsert(key, 8));
   CHECK(f.element_count() == 1);
   CHECK(f.contains("10.0.0.1", 8) && f.contains(std::string("10.0.0.1")));
}

static void sets_combine()
{
   bloom_parameters p = parameters(1000, 0.0001);
   bloom_filter a(p), b(p);
   std::vector<int> evens = {2, 4, 6, 8}, odds = {1, 3, 5, 7};
   a.insert(evens.begin(), evens.end());
   b.insert(odds.begin(), odds.end());
   CHECK(a.contains_all(evens.begin(), evens.end()) == evens.end());
   CHECK(a.contains_none(odds.begin(), odds.end()) == odds.end());
   bloom_filter both = a | b, neither = a & b;
   CHECK(both.contains_all(odds.begin(), odds.end()) == odds.end() && both.contains(8));
   CHECK(neither.contains_none(evens.begin(), evens.end()) == evens.end());
   CHECK((both ^ both).contains_none(evens.begin(), evens.end()) == evens.end());
   bloom_filter copy = a;
   CHECK(copy == a && copy != b);
   copy.clear();
   CHECK(copy.contains_none(evens.begin(), evens.end()) == evens.end() && copy.element_count() == 0);
   bloom_filter other(parameters(5000, 0.01)), before = other;
   other |= a; // another size: unchanged
   CHECK(other == before);
}

static void compression_loses_nothing()
{
   compressible_bloom_filter f(parameters(10000, 0.0001));
   unsigned long long size = f.size();
   for (int i = 0; i < 10000; i++) {
      f.insert(i);
   }
   CHECK(f.compress(30.0) && f.compress(60.0) && !f.compress(100.0) && !f.compress(-1.0));
   CHECK(f.size() < size * 29 / 100 && f.size() % 8 == 0);
   for (int i = 0; i < 10000; i++) {
      CHECK(f.contains(i));
   }
   f.insert(std::string("later"));
   CHECK(f.contains(std::string("later")));
}

static void empty_filter_holds_nothing()
{
   bloom_filter f;
   CHECK(!f && !f.contains(1));
   f.insert(1);
   CHECK(!f.contains(1));
}

int main()
{
   finds_all_and_few_others(0.01);
   finds_all_and_few_others(0.0001);
   optimal_size_is_the_textbook_one();
   containsinsert_counts_new_elements_only();
   sets_combine();
   compression_loses_nothing();
   empty_filter_holds_nothing();
   return 0;
}
