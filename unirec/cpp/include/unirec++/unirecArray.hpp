// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/unirecArray.hpp
 * A view of an array field of a record. Valid as long as the record is, and until the length of an earlier field changes.
 *
 * Records are unaligned: `array[i]`, `at()` and iterators return references that may be misaligned. x86-64 and arm64 allow
 * that; elsewhere, and under -fsanitize=alignment, use get() and set(), which copy.
 */
#ifndef UNIRECPP_ARRAY_HPP
#define UNIRECPP_ARRAY_HPP

#include <cstddef>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace Nemea {

template <typename T> class UnirecArray {
public:
   using value_type = std::remove_const_t<T>;

   class Iterator {
   public:
      using iterator_category = std::random_access_iterator_tag;
      using difference_type = std::ptrdiff_t;
      using value_type = std::remove_const_t<T>;
      using pointer = T *;
      using reference = T &;

      Iterator() = default;
      explicit Iterator(T *at) : at_(at) {}
      reference operator*() const { return *at_; }
      reference operator[](difference_type n) const { return at_[n]; }
      pointer operator->() const { return at_; }
      Iterator &operator++() { return *this += 1; }
      Iterator &operator--() { return *this -= 1; }
      Iterator operator++(int) { return Iterator((*this += 1).at_ - 1); }
      Iterator operator--(int) { return Iterator((*this -= 1).at_ + 1); }
      Iterator &operator+=(difference_type n)
      {
         at_ += n;
         return *this;
      }
      Iterator &operator-=(difference_type n) { return *this += -n; }
      Iterator operator+(difference_type n) const { return Iterator(at_ + n); }
      Iterator operator-(difference_type n) const { return Iterator(at_ - n); }
      friend Iterator operator+(difference_type n, const Iterator &i) { return i + n; }
      difference_type operator-(const Iterator &other) const { return at_ - other.at_; }
      bool operator==(const Iterator &other) const { return at_ == other.at_; }
      bool operator!=(const Iterator &other) const { return at_ != other.at_; }
      bool operator<(const Iterator &other) const { return at_ < other.at_; }
      bool operator>(const Iterator &other) const { return at_ > other.at_; }
      bool operator<=(const Iterator &other) const { return at_ <= other.at_; }
      bool operator>=(const Iterator &other) const { return at_ >= other.at_; }

   private:
      T *at_ = nullptr;
   };

   UnirecArray(T *first, std::size_t size) : first_(first), size_(size) {}

   /** Number of elements. */
   std::size_t size() const noexcept { return size_; }
   /** \return true without elements */
   bool empty() const noexcept { return size_ == 0; }
   Iterator begin() const noexcept { return Iterator(first_); }
   Iterator end() const noexcept { return Iterator(first_ + size_); }
   T &operator[](std::size_t i) { return first_[i]; }
   const T &operator[](std::size_t i) const { return first_[i]; }
   /** Throws std::out_of_range. */
   T &at(std::size_t i) { return first_[checked(i)]; }
   const T &at(std::size_t i) const { return first_[checked(i)]; }

   /** A copy of an element; works at any alignment. Throws std::out_of_range. */
   value_type get(std::size_t i) const
   {
      value_type value;
      std::memcpy(static_cast<void *>(&value), static_cast<const void *>(first_ + checked(i)), sizeof(value));
      return value;
   }
   /** Sets an element; works at any alignment. Throws std::out_of_range. */
   void set(std::size_t i, const value_type &value)
   {
      static_assert(!std::is_const_v<T>, "the record of this array can only be read");
      std::memcpy(static_cast<void *>(first_ + checked(i)), static_cast<const void *>(&value), sizeof(value));
   }

private:
   std::size_t checked(std::size_t i) const
   {
      if (i >= size_) {
         throw std::out_of_range("UnirecArray: element " + std::to_string(i) + " of " + std::to_string(size_));
      }
      return i;
   }

   T *first_;
   std::size_t size_;
};

} // namespace Nemea

#endif
