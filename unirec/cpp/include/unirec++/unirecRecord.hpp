// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/unirecRecord.hpp
 * A record that owns its memory. Each access checks that the template has the field and that the type matches
 * (std::runtime_error). A record never grows beyond its capacity.
 */
#ifndef UNIRECPP_RECORD_HPP
#define UNIRECPP_RECORD_HPP

#include "unirecRecordView.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace Nemea {

/** A record that owns its memory. The template must outlive it. */
class UnirecRecord {
public:
   UnirecRecord() = default;
   /** A zeroed record with a capacity of maxVariableFieldsSize bytes for variable-length fields. */
   UnirecRecord(ur_template_t *tmplt, std::size_t maxVariableFieldsSize = UR_MAX_SIZE)
       : template_(tmplt)
   {
      if (tmplt == nullptr) {
         throw std::runtime_error("UnirecRecord: no template");
      }
      room_ = std::min<std::size_t>(tmplt->static_size + std::min<std::size_t>(maxVariableFieldsSize, UR_MAX_SIZE), UR_MAX_SIZE);
      record_.reset(new uint8_t[room_ > 0 ? room_ : 1]());
   }
   UnirecRecord(const UnirecRecord &other)
       : template_(other.template_), room_(other.room_), record_(other.record_ ? new uint8_t[room_ > 0 ? room_ : 1]() : nullptr)
   {
      if (record_) {
         std::memcpy(record_.get(), other.record_.get(), other.size());
      }
   }
   UnirecRecord(UnirecRecord &&) = default;
   UnirecRecord &operator=(UnirecRecord other) noexcept
   {
      template_ = other.template_;
      room_ = other.room_;
      record_ = std::move(other.record_);
      return *this;
   }

   /** The raw record. */
   void *data() noexcept { return record_.get(); }
   /** The same for reading. */
   const void *data() const noexcept { return record_.get(); }
   /** Size in bytes with variable-length fields; 0 for a record without a template. */
   std::size_t size() const { return record_ ? static_cast<std::size_t>(ur_rec_size(template_, record_.get())) : 0; }

   /** Copies the fields that both records have. Throws std::runtime_error if they might exceed the capacity. */
   void copyFieldsFrom(const UnirecRecord &other) { copy(other.template_, other.data(), other.size()); }
   void copyFieldsFrom(const UnirecRecordView &other) { copy(other.getTemplate(), other.data(), other.size()); }

   /** A value, a `T &`, a `T *`, std::string or std::string_view. */
   template <typename T> T getFieldAsType(ur_field_id_t id) { return detail::get<T>(template_, data(), id); }
   template <typename T> T getFieldAsType(ur_field_id_t id) const { return detail::get<T>(template_, data(), id); }
   template <typename T> UnirecArray<T> getFieldAsUnirecArray(ur_field_id_t id)
   {
      return detail::getArray<T>(template_, data(), id);
   }
   template <typename T> UnirecArray<const T> getFieldAsUnirecArray(ur_field_id_t id) const
   {
      return detail::getArray<const T>(template_, data(), id);
   }
   /** Resizes the array to this number of elements; new ones are zero. */
   template <typename T> UnirecArray<T> reserveUnirecArray(std::size_t elementsCount, ur_field_id_t id)
   {
      detail::checkType<T *>(template_, id);
      resize(id, elementsCount, sizeof(T));
      return detail::getArray<T>(template_, data(), id);
   }
   /** Sets a field that is not an array. */
   template <typename T> void setFieldFromType(const T &value, ur_field_id_t id)
   {
      if constexpr (std::is_convertible_v<const T &, std::string_view>) {
         detail::checkType<std::string_view>(template_, id);
         std::string_view text = value;
         setBytes(id, text.data(), text.size());
      } else {
         static_assert(!std::is_pointer_v<T>, "arrays are set by setFieldFromVector() or setFieldFromUnirecArray()");
         detail::checkType<T>(template_, id);
         std::memcpy(ur_get_ptr_by_id(template_, data(), id), static_cast<const void *>(&value), sizeof(T));
      }
   }
   /** Sets an array field to a copy of an array, which may be part of this record. */
   template <typename T> void setFieldFromUnirecArray(const UnirecArray<T> &array, ur_field_id_t id)
   {
      using V = std::remove_const_t<T>;
      std::vector<V> values(array.begin(), array.end()); /* resizing moves the data of this record */
      setFieldFromVector(values, id);
   }
   /** Sets an array field. Throws std::runtime_error if the capacity is exceeded. */
   template <typename T> void setFieldFromVector(const std::vector<T> &values, ur_field_id_t id)
   {
      detail::checkType<T *>(template_, id);
      if (values.size() > UR_MAX_SIZE / sizeof(T)) {
         throw std::runtime_error("UnirecRecord: " + std::to_string(values.size()) + " elements are too many for field " +
                                  detail::fieldName(id));
      }
      setBytes(id, values.data(), values.size() * sizeof(T));
   }
   /** Not owned. */
   const ur_template_t *getTemplate() const noexcept { return template_; }

private:
   /* Throws if the field cannot have this many bytes. */
   void checkRoom(ur_field_id_t id, std::size_t bytes) const
   {
      if (ur_is_fixlen(id)) {
         throw std::runtime_error("UnirecRecord data type format mismatch: field " + detail::fieldName(id) + " has a fixed length");
      }
      std::size_t others = size() - ur_get_var_len(template_, data(), id);
      if (bytes > room_ || others + bytes > room_) {
         throw std::runtime_error("UnirecRecord: no room for " + std::to_string(bytes) + " bytes of field " +
                                  detail::fieldName(id) + " in a record of " + std::to_string(room_));
      }
   }
   void resize(ur_field_id_t id, std::size_t count, std::size_t elementSize)
   {
      checkRoom(id, count <= UR_MAX_SIZE ? count * elementSize : static_cast<std::size_t>(UR_MAX_SIZE) + 1);
      if (ur_array_resize(template_, data(), id, static_cast<int>(count * elementSize)) != UR_OK) {
         throw std::bad_alloc();
      }
   }
   void setBytes(ur_field_id_t id, const void *bytes, std::size_t size)
   {
      checkRoom(id, size);
      if (ur_set_var(template_, data(), id, bytes, static_cast<int>(size)) != UR_OK) {
         throw std::bad_alloc();
      }
   }
   void copy(const ur_template_t *from, const void *record, std::size_t size)
   {
      if (!record_ || from == nullptr || record == nullptr) {
         throw std::runtime_error("UnirecRecord: copying from or to a record without a template");
      }
      std::size_t others = template_->static_size, own = 0, fresh = 0; /* bytes of fields that are kept, replaced, copied */
      for (int i = template_->first_dynamic; i < template_->count; i++) {
         ur_field_id_t id = template_->ids[i];
         bool both = ur_is_present(from, id);
         (both ? own : others) += ur_get_var_len(template_, data(), id);
         fresh += both ? ur_get_var_len(from, record, id) : 0;
      }
      if (others + fresh > room_) {
         throw std::runtime_error("UnirecRecord: no room for the fields of a record of " + std::to_string(size) +
                                  " bytes in one of " + std::to_string(room_));
      }
      if (others + own + fresh > room_) { /* fields are replaced one by one: old and new values may coexist */
         for (int i = template_->first_dynamic; i < template_->count; i++) {
            if (ur_is_present(from, template_->ids[i])) {
               ur_set_var(template_, data(), template_->ids[i], "", 0);
            }
         }
      }
      ur_copy_fields(template_, data(), from, record);
   }

   ur_template_t *template_ = nullptr;
   std::size_t room_ = 0; /* bytes */
   std::unique_ptr<uint8_t[]> record_;
};

} // namespace Nemea

#endif
