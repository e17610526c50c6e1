/* SPDX-License-Identifier: BSD-3-Clause */
#include "public_ip.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

static bool in_network(const ip_addr_t *ip, const char *network, unsigned length)
{
   ip_addr_t net;
   const uint8_t *a = (const uint8_t *) ip, *b = (const uint8_t *) &net;
   if (!ip_from_str(network, &net) || ip_is4(ip) != ip_is4(&net)) {
      return false;
   }
   unsigned from = ip_is4(ip) ? 64 : 0;
   for (unsigned i = from; i < from + length; i++) {
      if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1) {
         return false;
      }
   }
   return true;
}

static bool is_own(const ip_addr_t *ip)
{
   struct ifaddrs *all, *i;
   bool own = false;
   if (getifaddrs(&all) != 0) {
      return false;
   }
   for (i = all; i != NULL && !own; i = i->ifa_next) {
      char text[INET6_ADDRSTRLEN] = "";
      ip_addr_t mine;
      if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET) {
         inet_ntop(AF_INET, &((struct sockaddr_in *) (void *) i->ifa_addr)->sin_addr, text, sizeof(text));
      } else if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET6) {
         inet_ntop(AF_INET6, &((struct sockaddr_in6 *) (void *) i->ifa_addr)->sin6_addr, text, sizeof(text));
      }
      own = text[0] != 0 && ip_from_str(text, &mine) && memcmp(&mine, ip, sizeof(mine)) == 0;
   }
   freeifaddrs(all);
   return own;
}

bool ip_is_public(const ip_addr_t *ip)
{
   static const struct {
      const char *network;
      unsigned length;
   } special[] = {{"0.0.0.0", 8},      {"10.0.0.0", 8},    {"100.64.0.0", 10},   {"127.0.0.0", 8},
                  {"169.254.0.0", 16}, {"172.16.0.0", 12}, {"192.0.0.0", 24},    {"192.0.2.0", 24},
                  {"192.168.0.0", 16}, {"198.18.0.0", 15}, {"198.51.100.0", 24}, {"203.0.113.0", 24},
                  {"224.0.0.0", 3},    {"::", 3},          {"2001:db8::", 32},   {"fc00::", 7},
                  {"fe80::", 10},      {"ff00::", 8}};
   for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
      if (in_network(ip, special[i].network, special[i].length)) {
         return false;
      }
   }
   return !is_own(ip);
}
