/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/BloomFilter.hpp
 * Bloom filter (Bloom 1970): a set whose lookups may give false positives, with a probability
 * chosen beforehand, and never "not there" of one that was. C++11, in this header alone.
 *
 * One 64-bit hash an element, keyed by the process (nc_hash.h) and random_seed: nobody can choose elements that are taken for
 * others. Its two halves are spread to all places by double hashing (Kirsch and Mitzenmacher,
 * "Less Hashing, Same Performance", 2006). Tables may exceed 2^32 bits. Memory is taken at construction
 * (std::bad_alloc); a filter that gets more elements than projected goes on working with more false positives
 * (effective_fpp()). Reading from several threads is safe, changing is for one.
 */
#ifndef NEMEA_COMMON_BLOOM_FILTER_HPP
#define NEMEA_COMMON_BLOOM_FILTER_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <nemea-common/nc_hash.h>

#pragma weak nc_hash_key_
/** The key of the process where libnemea-common is linked, else one of the program's own: the header works alone. */
inline const nc_hash_key_t &bloom_hash_key()
{
   static const nc_hash_key_t own = [] {
      nc_hash_key_t key;
      std::random_device random;
      uint32_t *words = reinterpret_cast<uint32_t *>(&key);
      std::generate(words, words + sizeof(key) / sizeof(*words), [&random] { return random(); });
      return key;
   }();
   const nc_hash_key_t *of_process = &nc_hash_key_;
   return of_process != nullptr ? *of_process : own;
}

/** What a filter is made for. Set the members, call compute_optimal_parameters(), make the filter. */
class bloom_parameters {
public:
   virtual ~bloom_parameters() = default;

   /** Parameters that no filter can have. */
   bool operator!() const
   {
      return minimum_size > maximum_size || minimum_number_of_hashes > maximum_number_of_hashes ||
             minimum_number_of_hashes < 1 || maximum_number_of_hashes < 1 || projected_element_count < 1 ||
             !(false_positive_probability > 0.0 && false_positive_probability < 1.0) || random_seed == 0 ||
             random_seed == std::numeric_limits<unsigned long long int>::max();
   }

   unsigned long long int minimum_size = 1; /**< bits of the table */
   unsigned long long int maximum_size = std::numeric_limits<unsigned long long int>::max();
   unsigned int minimum_number_of_hashes = 1;
   unsigned int maximum_number_of_hashes = std::numeric_limits<unsigned int>::max();
   unsigned long long int projected_element_count = 10000;
   double false_positive_probability = 1.0 / 10000.0;
   unsigned long long int random_seed = 0xA5A5A5A55A5A5A5AULL;

   struct optimal_parameters_t {
      unsigned int number_of_hashes = 0;
      unsigned long long int table_size = 0; /**< bits, a multiple of 8 */
   };
   optimal_parameters_t optimal_parameters;

   /** The number of hashes (1 to 999) with the smallest table that keeps the probability. False for bad parameters. */
   virtual bool compute_optimal_parameters()
   {
      if (!(*this)) {
         return false;
      }
      double least = std::numeric_limits<double>::infinity(), best = 0.0;
      for (double k = 1.0; k < 1000.0; k += 1.0) {
         double bits = (-k * static_cast<double>(projected_element_count)) /
                       std::log(1.0 - std::pow(false_positive_probability, 1.0 / k));
         if (bits < least) {
            least = bits;
            best = k;
         }
      }
      unsigned long long int size =
          least < 9.0e18 ? static_cast<unsigned long long int>(least) : std::numeric_limits<int64_t>::max() - 7;
      size += size % 8 != 0 ? 8 - size % 8 : 0;
      optimal_parameters.number_of_hashes =
          std::min(std::max(static_cast<unsigned int>(best), minimum_number_of_hashes), maximum_number_of_hashes);
      optimal_parameters.table_size = std::min(std::max(size, minimum_size), maximum_size);
      return true;
   }
};

class bloom_filter {
public:
   typedef unsigned int bloom_type;
   typedef unsigned char cell_type;

   bloom_filter() = default;

   explicit bloom_filter(const bloom_parameters &p)
       : bits_((p.optimal_parameters.table_size + 7) / 8), size_(bits_.size() * 8ULL), hashes_(p.optimal_parameters.number_of_hashes),
         projected_(p.projected_element_count), seed_(p.random_seed), fpp_(p.false_positive_probability)
   {
   }

   virtual ~bloom_filter() = default;
   bloom_filter(const bloom_filter &) = default;
   bloom_filter &operator=(const bloom_filter &) = default;

   bool operator==(const bloom_filter &other) const
   {
      return alike(other) && fpp_ == other.fpp_ && projected_ == other.projected_ && bits_ == other.bits_;
   }
   bool operator!=(const bloom_filter &other) const { return !operator==(other); }
   /** A filter without a table. */
   bool operator!() const { return size_ == 0; }

   /** Takes all elements out; the table stays. */
   void clear()
   {
      std::fill(bits_.begin(), bits_.end(), static_cast<cell_type>(0));
      inserted_ = 0;
   }

   /** Inserts the bytes of a key, of a value (its padding too), of a string, or each element of a range. */
   void insert(const unsigned char *key, const std::size_t &length) { set(key, length); inserted_++; }
   template <typename T> void insert(const T &t)
   {
      insert(reinterpret_cast<const unsigned char *>(&t), sizeof(T));
   }
   void insert(const std::string &key) { insert(bytes(key.data()), key.size()); }
   void insert(const char *data, const std::size_t &length) { insert(bytes(data), length); }
   template <typename InputIterator> void insert(const InputIterator begin, const InputIterator end)
   {
      for (InputIterator i = begin; i != end; ++i) {
         insert(*i);
      }
   }

   /** \return false: never inserted. true: inserted or, with the chosen probability, not */
   virtual bool contains(const unsigned char *key, const std::size_t length) const
   {
      place p(*this, key, length);
      for (std::size_t i = 0; i < hashes_; i++, p.next()) {
         uint64_t bit = index(p.at);
         if ((bits_[bit / 8] & (1U << bit % 8)) == 0) {
            return false;
         }
      }
      return hashes_ > 0;
   }
   template <typename T> bool contains(const T &t) const
   {
      return contains(reinterpret_cast<const unsigned char *>(&t), sizeof(T));
   }
   bool contains(const std::string &key) const { return contains(bytes(key.data()), key.size()); }
   bool contains(const char *data, const std::size_t &length) const { return contains(bytes(data), length); }

   /** Was it there? It is afterwards. Counted as an element only when it was not. */
   bool containsinsert(const unsigned char *key, const std::size_t length)
   {
      bool there = set(key, length);
      inserted_ += there ? 0 : 1;
      return there;
   }

   /** The first that is not there, or end. */
   template <typename InputIterator>
   InputIterator contains_all(const InputIterator begin, const InputIterator end) const
   {
      InputIterator i = begin;
      while (i != end && contains(*i)) {
         ++i;
      }
      return i;
   }
   /** The first that is there, or end. */
   template <typename InputIterator>
   InputIterator contains_none(const InputIterator begin, const InputIterator end) const
   {
      InputIterator i = begin;
      while (i != end && !contains(*i)) {
         ++i;
      }
      return i;
   }

   /** Bits of the table. */
   virtual unsigned long long int size() const { return size_; }
   /** How many insert() were made; not how many different elements. */
   unsigned long long int element_count() const { return inserted_; }
   /** Probability of a false positive with the elements that are in. */
   double effective_fpp() const
   {
      return size_ == 0 ? 1.0
                        : std::pow(1.0 - std::exp(-1.0 * static_cast<double>(hashes_) * static_cast<double>(inserted_) /
                                                  static_cast<double>(size())),
                                   1.0 * static_cast<double>(hashes_));
   }
   /** Bits that are set for an element. */
   std::size_t hash_count() const { return hashes_; }
   /** The table, size() bits; valid until the filter is changed. */
   const cell_type *table() const { return bits_.data(); }

   /* With a filter of the same size, hashes and seed: intersection, union, difference; else nothing is changed. */
   bloom_filter &operator&=(const bloom_filter &other)
   {
      return combine(other, [](cell_type a, cell_type b) { return static_cast<cell_type>(a & b); });
   }
   bloom_filter &operator|=(const bloom_filter &other)
   {
      return combine(other, [](cell_type a, cell_type b) { return static_cast<cell_type>(a | b); });
   }
   bloom_filter &operator^=(const bloom_filter &other)
   {
      return combine(other, [](cell_type a, cell_type b) { return static_cast<cell_type>(a ^ b); });
   }

protected:
   /** Place of a hash in a table that may have been made smaller. */
   virtual uint64_t index(uint64_t hash) const { return hash % size_; }

   std::vector<cell_type> bits_;
   unsigned long long int size_ = 0; /**< bits at construction */

private:
   /* The places of an element, one after the other. */
   struct place {
      uint64_t at, step, grow = 0;
      place(const bloom_filter &f, const unsigned char *key, std::size_t length)
      {
         const nc_hash_key_t &secret = bloom_hash_key();
         at = nc_hash_fold_(nc_hash_with(&secret, key, length) ^ f.seed_, secret.mix[1]);
         step = nc_hash_fold_(at ^ secret.mix[0], secret.mix[3]) | 1;
      }
      /** The step grows, so that elements that share both halves by chance of the modulus part again. */
      void next()
      {
         at += step;
         step += ++grow;
      }
   };

   static const unsigned char *bytes(const char *data) { return reinterpret_cast<const unsigned char *>(data); }

   /* \return were all bits set before */
   bool set(const unsigned char *key, std::size_t length)
   {
      bool there = hashes_ > 0;
      if (bits_.empty()) {
         return false;
      }
      place p(*this, key, length);
      for (std::size_t i = 0; i < hashes_; i++, p.next()) {
         uint64_t bit = index(p.at);
         cell_type mask = static_cast<cell_type>(1U << bit % 8);
         there = there && (bits_[bit / 8] & mask) != 0;
         bits_[bit / 8] = static_cast<cell_type>(bits_[bit / 8] | mask);
      }
      return there;
   }

   bool alike(const bloom_filter &other) const
   {
      return hashes_ == other.hashes_ && size_ == other.size_ && seed_ == other.seed_ && bits_.size() == other.bits_.size();
   }

   template <typename Operation> bloom_filter &combine(const bloom_filter &other, Operation operation)
   {
      if (alike(other)) {
         std::transform(bits_.begin(), bits_.end(), other.bits_.begin(), bits_.begin(), operation);
      }
      return *this;
   }

   std::size_t hashes_ = 0;
   unsigned long long int projected_ = 0, inserted_ = 0, seed_ = 0;
   double fpp_ = 1.0;
};

/** A filter that can be made smaller later, for more false positives. */
class compressible_bloom_filter : public bloom_filter {
public:
   explicit compressible_bloom_filter(const bloom_parameters &p) : bloom_filter(p), sizes_(1, size_) {}

   unsigned long long int size() const override { return sizes_.back(); }

   /** Shrinks the table by a percentage, 0 to below 100. \return false if nothing was done */
   bool compress(const double &percentage)
   {
      if (!(percentage >= 0.0 && percentage < 100.0)) {
         return false;
      }
      unsigned long long int now = sizes_.back(),
                             size = static_cast<unsigned long long int>(static_cast<double>(now) * (1.0 - percentage / 100.0));
      size -= size % 8;
      if (size == 0 || size >= now) {
         return false;
      }
      for (unsigned long long int i = size / 8; i < bits_.size(); i++) {
         bits_[i % (size / 8)] = static_cast<cell_type>(bits_[i % (size / 8)] | bits_[i]);
      }
      bits_.resize(size / 8);
      sizes_.push_back(size);
      return true;
   }

protected:
   uint64_t index(uint64_t hash) const override
   {
      for (unsigned long long int size : sizes_) {
         hash %= size;
      }
      return hash;
   }

private:
   std::vector<unsigned long long int> sizes_; /* every size it had */
};

/* Of two filters that are alike: intersection, union, difference. */
inline bloom_filter operator&(const bloom_filter &a, const bloom_filter &b)
{
   bloom_filter result = a;
   result &= b;
   return result;
}
inline bloom_filter operator|(const bloom_filter &a, const bloom_filter &b)
{
   bloom_filter result = a;
   result |= b;
   return result;
}
inline bloom_filter operator^(const bloom_filter &a, const bloom_filter &b)
{
   bloom_filter result = a;
   result ^= b;
   return result;
}

#endif
