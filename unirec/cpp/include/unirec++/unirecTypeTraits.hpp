// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/unirecTypeTraits.hpp
 * The UniRec type of each C++ type.
 */
#ifndef UNIRECPP_TYPE_TRAITS_HPP
#define UNIRECPP_TYPE_TRAITS_HPP

#include "ipAddress.hpp"
#include "macAddress.hpp"
#include "urTime.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace Nemea {

/** The UniRec type of a C++ type: values, `T *` for arrays, std::string, std::string_view and `char *` for
 * string, `std::byte *` for bytes. */
template <typename T> constexpr ur_field_type_t getExpectedUnirecType()
{
   using V = std::remove_cv_t<std::remove_pointer_t<std::remove_cv_t<std::remove_reference_t<T>>>>;
   constexpr bool array = std::is_pointer_v<std::remove_reference_t<T>>;
   if constexpr (std::is_same_v<V, std::byte>) {
      static_assert(array, "std::byte is not a UniRec type; use std::byte * for bytes");
      return UR_TYPE_BYTES;
   } else if constexpr (std::is_same_v<V, std::string> || std::is_same_v<V, std::string_view>) {
      return UR_TYPE_STRING;
   } else if constexpr (std::is_same_v<V, char>) {
      return array ? UR_TYPE_STRING : UR_TYPE_CHAR;
   } else if constexpr (std::is_same_v<V, uint8_t>) {
      return array ? UR_TYPE_A_UINT8 : UR_TYPE_UINT8;
   } else if constexpr (std::is_same_v<V, int8_t>) {
      return array ? UR_TYPE_A_INT8 : UR_TYPE_INT8;
   } else if constexpr (std::is_same_v<V, uint16_t>) {
      return array ? UR_TYPE_A_UINT16 : UR_TYPE_UINT16;
   } else if constexpr (std::is_same_v<V, int16_t>) {
      return array ? UR_TYPE_A_INT16 : UR_TYPE_INT16;
   } else if constexpr (std::is_same_v<V, uint32_t>) {
      return array ? UR_TYPE_A_UINT32 : UR_TYPE_UINT32;
   } else if constexpr (std::is_same_v<V, int32_t>) {
      return array ? UR_TYPE_A_INT32 : UR_TYPE_INT32;
   } else if constexpr (std::is_same_v<V, uint64_t>) {
      return array ? UR_TYPE_A_UINT64 : UR_TYPE_UINT64;
   } else if constexpr (std::is_same_v<V, int64_t>) {
      return array ? UR_TYPE_A_INT64 : UR_TYPE_INT64;
   } else if constexpr (std::is_same_v<V, float>) {
      return array ? UR_TYPE_A_FLOAT : UR_TYPE_FLOAT;
   } else if constexpr (std::is_same_v<V, double>) {
      return array ? UR_TYPE_A_DOUBLE : UR_TYPE_DOUBLE;
   } else if constexpr (std::is_same_v<V, IpAddress>) {
      return array ? UR_TYPE_A_IP : UR_TYPE_IP;
   } else if constexpr (std::is_same_v<V, MacAddress>) {
      return array ? UR_TYPE_A_MAC : UR_TYPE_MAC;
   } else {
      static_assert(std::is_same_v<V, UrTime>, "not a UniRec type");
      return array ? UR_TYPE_A_TIME : UR_TYPE_TIME;
   }
}

} // namespace Nemea

#endif
