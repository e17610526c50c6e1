// SPDX-License-Identifier: BSD-3-Clause
#include <unirec++/ipAddress.hpp>

#include <cstring>
#include <stdexcept>

namespace Nemea {

IpAddress::IpAddress() : ip(ip_from_int(0))
{
}

IpAddress::IpAddress(ip_addr_t address) : ip(address)
{
}

IpAddress::IpAddress(const std::string &text) : ip()
{
   ip_addr_t address;
   if (ip_from_str(text.c_str(), &address) == 0) {
      throw std::runtime_error("IpAddress: '" + text + "' is not an IP address");
   }
   ip = address;
}

bool IpAddress::isIpv4() const
{
   ip_addr_t address = ip;
   return ip_is4(&address) != 0;
}

bool IpAddress::isIpv6() const
{
   return !isIpv4();
}

bool IpAddress::operator==(const IpAddress &other) const
{
   return std::memcmp(this, &other, sizeof(*this)) == 0;
}

IpAddress IpAddress::operator&(const IpAddress &mask) const
{
   ip_addr_t a = ip, b = mask.ip;
   for (int i = 0; i < 2; i++) {
      a.ui64[i] &= b.ui64[i];
   }
   return a;
}

std::string IpAddress::toString() const
{
   char text[INET6_ADDRSTRLEN];
   ip_addr_t address = ip;
   ip_to_str(&address, text);
   return text;
}

std::ostream &IpAddress::operator<<(std::ostream &out) const
{
   return out << toString();
}

} // namespace Nemea
