// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/ipAddress.hpp
 * An IP address, stored as in a record.
 */
#ifndef UNIRECPP_IP_ADDRESS_HPP
#define UNIRECPP_IP_ADDRESS_HPP

#include <ostream>
#include <string>

#include <unirec/unirec.h>

namespace Nemea {

/** An IP address; the default is 0.0.0.0. Same bytes as ip_addr_t, alignment 1, so that references into a record are valid. */
struct __attribute__((packed)) IpAddress {
   ip_addr_t ip;

   IpAddress();
   IpAddress(ip_addr_t address);
   /** Throws std::runtime_error for text that is not an address. */
   IpAddress(const std::string &text);

   /** From either family. IPv4 has UniRec's own form (ipaddr.h), not the mapped form ::ffff:0:0/96. */
   bool isIpv4() const;
   /** Not isIpv4(). */
   bool isIpv6() const;
   bool operator==(const IpAddress &other) const;
   bool operator!=(const IpAddress &other) const { return !(*this == other); }
   /** Bitwise AND: an address and a mask give the network. IPv4 stays IPv4. */
   IpAddress operator&(const IpAddress &mask) const;
   /** Text as in UniRec's CSV. */
   std::string toString() const;
   std::ostream &operator<<(std::ostream &out) const;
   friend std::ostream &operator<<(std::ostream &out, const IpAddress &address) { return out << address.toString(); }
};

} // namespace Nemea

#endif
