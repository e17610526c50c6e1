// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/types.hpp
 * Values of records in C++, and what is thrown. The classes have the bytes of the C types and no alignment, so that
 * they can be referred to where they stand in a record.
 */
#ifndef UNIRECPP_TYPES_HPP
#define UNIRECPP_TYPES_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include <unirec/unirec.h>

namespace Nemea {

/** The sender has ended its stream. */
class EoFException : public std::exception {
public:
   /** For people. */
   const char *what() const noexcept override { return "end of the stream"; }
};

/** The format of an input changed: call changeTemplate(), then receive() the record again. */
class FormatChangeException : public std::exception {
public:
   /** For people. */
   const char *what() const noexcept override { return "the format of the input has changed"; }
};

/** The help was asked for, and has been printed. */
class HelpException : public std::exception {
public:
   /** For people. */
   const char *what() const noexcept override { return "help was asked for"; }
};

/** An address; 0.0.0.0 when made of nothing. */
struct __attribute__((packed)) IpAddress {
   ip_addr_t ip;

   IpAddress() : ip(ip_from_int(0)) {}
   IpAddress(ip_addr_t address) : ip(address) {}
   /** Throws std::runtime_error for what is no address. */
   IpAddress(const std::string &text) : ip()
   {
      ip_addr_t address;
      if (ip_from_str(text.c_str(), &address) == 0) {
         throw std::runtime_error("IpAddress: '" + text + "' is no IP address");
      }
      ip = address;
   }

   /** Of either family; an IPv4 address stands as UniRec has it, not as ::ffff:0:0/96. */
   bool isIpv4() const
   {
      ip_addr_t address = ip;
      return ip_is4(&address) != 0;
   }
   /** Not isIpv4(). */
   bool isIpv6() const { return !isIpv4(); }
   bool operator==(const IpAddress &other) const { return std::memcmp(this, &other, sizeof(*this)) == 0; }
   bool operator!=(const IpAddress &other) const { return !(*this == other); }
   /** The bits that both have: an address and a mask give the network. IPv4 stays IPv4. */
   IpAddress operator&(const IpAddress &mask) const
   {
      ip_addr_t a = ip, b = mask.ip;
      for (int i = 0; i < 2; i++) {
         a.ui64[i] &= b.ui64[i];
      }
      return a;
   }
   /** The text that UniRec's CSV has. */
   std::string toString() const
   {
      char text[INET6_ADDRSTRLEN];
      ip_addr_t address = ip;
      ip_to_str(&address, text);
      return text;
   }
   std::ostream &operator<<(std::ostream &out) const { return out << toString(); }
   friend std::ostream &operator<<(std::ostream &out, const IpAddress &address) { return out << address.toString(); }
};

struct MacAddress {
   mac_addr_t mac;

   MacAddress() : mac() {}
   MacAddress(mac_addr_t address) : mac(address) {}
   /** Throws std::runtime_error for what is no address. */
   MacAddress(const std::string &text) : mac()
   {
      if (mac_from_str(text.c_str(), &mac) == 0) {
         throw std::runtime_error("MacAddress: '" + text + "' is no MAC address");
      }
   }

   bool operator==(const MacAddress &other) const { return mac_cmp(&mac, &other.mac) == 0; }
   bool operator!=(const MacAddress &other) const { return !(*this == other); }
   /** The text that UniRec's CSV has. */
   std::string toString() const
   {
      char text[MAC_STR_LEN];
      mac_to_str(&mac, text);
      return text;
   }
   std::ostream &operator<<(std::ostream &out) const { return out << toString(); }
   friend std::ostream &operator<<(std::ostream &out, const MacAddress &address) { return out << address.toString(); }
};

/** A time as in records, ur_time_t. */
struct __attribute__((packed)) UrTime {
   ur_time_t time;

   UrTime() : time(0) {}
   UrTime(ur_time_t value) : time(value) {}
   /** The wall clock, to the millisecond. */
   static UrTime now()
   {
      uint64_t ms = static_cast<uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
      return ur_time_from_sec_msec(ms / 1000, ms % 1000);
   }
   bool operator==(const UrTime &other) const { return time == other.time; }
   bool operator!=(const UrTime &other) const { return time != other.time; }
   bool operator<(const UrTime &other) const { return time < other.time; }
};

/** The UniRec type that a C++ type stands for: values, `T *` for arrays, std::string, std::string_view and `char *` for
 * string, `std::byte *` for bytes. */
template <typename T> constexpr ur_field_type_t getExpectedUnirecType()
{
   using V = std::remove_cv_t<std::remove_pointer_t<std::remove_cv_t<std::remove_reference_t<T>>>>;
   constexpr bool array = std::is_pointer_v<std::remove_reference_t<T>>;
   if constexpr (std::is_same_v<V, std::byte>) {
      static_assert(array, "std::byte stands for no UniRec type, std::byte * for bytes");
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
      static_assert(std::is_same_v<V, UrTime>, "a type that stands for no UniRec type");
      return array ? UR_TYPE_A_TIME : UR_TYPE_TIME;
   }
}

} // namespace Nemea

#endif
