// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/ipAddress.hpp
 * An IP address as in records.
 */
#ifndef UNIRECPP_IP_ADDRESS_HPP
#define UNIRECPP_IP_ADDRESS_HPP

#include <ostream>
#include <string>

#include <unirec/unirec.h>

namespace Nemea {

/** An address; 0.0.0.0 when made of nothing. It has the bytes of ip_addr_t and no alignment, so that it can be referred to where
 * it stands in a record. */
struct __attribute__((packed)) IpAddress {
   ip_addr_t ip;

   IpAddress();
   IpAddress(ip_addr_t address);
   /** Throws std::runtime_error for text that is not an address. */
   IpAddress(const std::string &text);

   /** Of either family; an IPv4 address stands as UniRec has it, not as ::ffff:0:0/96. */
   bool isIpv4() const;
   /** Not isIpv4(). */
   bool isIpv6() const;
   bool operator==(const IpAddress &other) const;
   bool operator!=(const IpAddress &other) const { return !(*this == other); }
   /** The bits that both have: an address and a mask give the network. IPv4 stays IPv4. */
   IpAddress operator&(const IpAddress &mask) const;
   /** The text that UniRec's CSV has. */
   std::string toString() const;
   std::ostream &operator<<(std::ostream &out) const;
   friend std::ostream &operator<<(std::ostream &out, const IpAddress &address) { return out << address.toString(); }
};

} // namespace Nemea

#endif
