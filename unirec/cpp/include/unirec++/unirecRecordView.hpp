// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/unirecRecordView.hpp
 * A record in memory that it does not own. Each access checks that the template has the field and that the type matches
 * (std::runtime_error).
 */
#ifndef UNIRECPP_RECORD_VIEW_HPP
#define UNIRECPP_RECORD_VIEW_HPP

#include "unirecArray.hpp"
#include "unirecTypeTraits.hpp"

#include <stdexcept>
#include <string>

namespace Nemea {

namespace detail {

inline std::string fieldName(ur_field_id_t id)
{
   const char *name = id >= 0 && id < ur_field_specs.ur_last_id ? ur_get_name(id) : nullptr;
   return name != nullptr ? name : "with id " + std::to_string(id);
}

inline void checkPresent(const ur_template_t *t, ur_field_id_t id)
{
   if (t == nullptr || !ur_is_present(t, id)) {
      throw std::runtime_error("UnirecRecord: the template has no field " + fieldName(id));
   }
}

/* Checks that the field is present and has type T or, if T is a pointer, is an array of such elements. */
template <typename T> void checkType(const ur_template_t *t, ur_field_id_t id)
{
   checkPresent(t, id);
   ur_field_type_t expected = getExpectedUnirecType<T>(), type = ur_get_type(id);
   bool value = std::is_pointer_v<std::remove_reference_t<T>> && ur_size_of(expected) < 0 && ur_is_fixlen(id) &&
                ur_field_array_elem_type[expected] == static_cast<int>(type);
   if (type != expected && !value) {
      throw std::runtime_error("UnirecRecord data type format mismatch: field " + fieldName(id) + " is " +
                               ur_field_type_str[type] + ", not " + ur_field_type_str[expected]);
   }
}

template <typename T> T get(const ur_template_t *t, const void *record, ur_field_id_t id)
{
   using V = std::remove_cv_t<std::remove_reference_t<T>>;
   checkType<T>(t, id);
   void *at = ur_get_ptr_by_id(t, record, id);
   if constexpr (std::is_same_v<V, std::string> || std::is_same_v<V, std::string_view>) {
      static_assert(!std::is_reference_v<T>, "strings of a record are taken by value or as std::string_view");
      return V(static_cast<const char *>(at), static_cast<std::size_t>(ur_get_var_len(t, record, id)));
   } else if constexpr (std::is_reference_v<T>) {
      return *static_cast<std::remove_reference_t<T> *>(at);
   } else if constexpr (std::is_pointer_v<V>) {
      return static_cast<T>(at);
   } else {
      V value;
      std::memcpy(static_cast<void *>(&value), at, sizeof(value));
      return value;
   }
}

template <typename T> UnirecArray<T> getArray(const ur_template_t *t, const void *record, ur_field_id_t id)
{
   checkType<std::remove_const_t<T> *>(t, id);
   if (!ur_is_varlen(id)) {
      throw std::runtime_error("UnirecRecord data type format mismatch: field " + fieldName(id) + " is not an array");
   }
   return UnirecArray<T>(static_cast<T *>(ur_get_ptr_by_id(t, record, id)),
                         static_cast<std::size_t>(ur_get_var_len(t, record, id)) / sizeof(T));
}

} // namespace detail

/** A record in memory that it does not own; a view of a received record is valid until the next receive(). */
class UnirecRecordView {
public:
   /** The template must outlive the view. The bytes are trusted: check untrusted ones with ur_rec_check() first. */
   UnirecRecordView(const void *data, ur_template_t *tmplt, uint64_t seq = 0) : data_(data), template_(tmplt), seq_(seq)
   {
      if (data == nullptr || tmplt == nullptr) {
         throw std::runtime_error("UnirecRecordView: no record, or no template");
      }
   }

   /** The raw record. */
   const void *data() const noexcept { return data_; }
   /** Size in bytes with variable-length fields. */
   std::size_t size() const { return static_cast<std::size_t>(ur_rec_size(template_, data_)); }
   /** Sequence number of the message; a gap means missed messages. */
   uint64_t getSequenceNumber() const noexcept { return seq_; }
   /** A value, a `const T &`, a `const T *`, std::string or std::string_view. */
   template <typename T> T getFieldAsType(ur_field_id_t id) const
   {
      return detail::get<T>(template_, data_, id);
   }
   template <typename T> UnirecArray<const T> getFieldAsUnirecArray(ur_field_id_t id) const
   {
      return detail::getArray<const T>(template_, data_, id);
   }
   /** Not owned. */
   const ur_template_t *getTemplate() const noexcept { return template_; }

private:
   const void *data_;
   ur_template_t *template_;
   uint64_t seq_;
};

} // namespace Nemea

#endif
