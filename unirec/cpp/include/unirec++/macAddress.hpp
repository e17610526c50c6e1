// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/macAddress.hpp
 * A MAC address, stored as in a record.
 */
#ifndef UNIRECPP_MAC_ADDRESS_HPP
#define UNIRECPP_MAC_ADDRESS_HPP

#include <ostream>
#include <stdexcept>
#include <string>

#include <unirec/unirec.h>

namespace Nemea {

struct MacAddress {
   mac_addr_t mac;

   MacAddress() : mac() {}
   MacAddress(mac_addr_t address) : mac(address) {}
   /** Throws std::runtime_error for text that is not an address. */
   MacAddress(const std::string &text) : mac()
   {
      if (mac_from_str(text.c_str(), &mac) == 0) {
         throw std::runtime_error("MacAddress: '" + text + "' is not a MAC address");
      }
   }

   bool operator==(const MacAddress &other) const { return mac_cmp(&mac, &other.mac) == 0; }
   bool operator!=(const MacAddress &other) const { return !(*this == other); }
   /** Text as in UniRec's CSV. */
   std::string toString() const
   {
      char text[MAC_STR_LEN];
      mac_to_str(&mac, text);
      return text;
   }
   std::ostream &operator<<(std::ostream &out) const { return out << toString(); }
   friend std::ostream &operator<<(std::ostream &out, const MacAddress &address) { return out << address.toString(); }
};

} // namespace Nemea

#endif
