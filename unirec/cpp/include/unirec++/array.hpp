// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/array.hpp
 * An array field of a record, where it stands. Valid as long as the record, and until a field before it changes its
 * length. Elements of a record are not aligned: numbers are read and written through a stand-in, classes directly.
 */
#ifndef UNIRECPP_ARRAY_HPP
#define UNIRECPP_ARRAY_HPP

#include "types.hpp"

#include <iterator>

namespace Nemea {

template <typename T> class UnirecArray {
public:
   using value_type = std::remove_const_t<T>;

   /** Stands for a number in the record: converts to it, and can be assigned. */
   class Element {
   public:
      explicit Element(T *at) : at_(at) {}
      Element(const Element &) = default;
      operator value_type() const
      {
         value_type value;
         std::memcpy(&value, static_cast<const void *>(at_), sizeof(value));
         return value;
      }
      Element &operator=(value_type value)
      {
         std::memcpy(static_cast<void *>(at_), &value, sizeof(value));
         return *this;
      }
      Element &operator=(const Element &other) { return *this = static_cast<value_type>(other); }

   private:
      T *at_;
   };

   /** What the elements are accessed by. */
   using reference = std::conditional_t<alignof(T) == 1, T &, std::conditional_t<std::is_const_v<T>, value_type, Element>>;

   class Iterator {
   public:
      using iterator_category = std::random_access_iterator_tag;
      using difference_type = std::ptrdiff_t;
      using value_type = std::remove_const_t<T>;
      using pointer = T *;
      using reference = typename UnirecArray::reference;

      Iterator() = default;
      explicit Iterator(T *at) : at_(at) {}
      reference operator*() const { return UnirecArray::element(at_); }
      reference operator[](difference_type n) const { return UnirecArray::element(at_ + n); }
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

   /** In elements. */
   std::size_t size() const noexcept { return size_; }
   /** Has it no element? */
   bool empty() const noexcept { return size_ == 0; }
   Iterator begin() const { return Iterator(first_); }
   Iterator end() const { return Iterator(first_ + size_); }
   reference operator[](std::size_t i) const { return element(first_ + i); }
   /** Throws std::out_of_range. */
   reference at(std::size_t i) const
   {
      if (i >= size_) {
         throw std::out_of_range("UnirecArray: element " + std::to_string(i) + " of " + std::to_string(size_));
      }
      return element(first_ + i);
   }

private:
   static reference element(T *at)
   {
      if constexpr (alignof(T) == 1) {
         return *at;
      } else {
         return Element(at);
      }
   }

   T *first_;
   std::size_t size_;
};

} // namespace Nemea

#endif
