/* SPDX-License-Identifier: BSD-3-Clause */
/** Names of ports as operators know them: IANA's, or the usual one where IANA's is hardly known. */
#include <inttypes.h>
#include <nemea/text.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { TCP = 1, UDP = 2, BOTH = TCP | UDP };

/* Ordered by port. Not getservbyport(): reports shall not depend on /etc/services, which containers often lack. */
static const struct service {
   uint16_t port;
   uint8_t over;
   const char *name;
} services[] = {{7, BOTH, "echo"},
                {13, BOTH, "daytime"},
                {17, BOTH, "qotd"},
                {19, BOTH, "chargen"},
                {20, TCP, "ftp-data"},
                {21, TCP, "ftp"},
                {22, BOTH, "ssh"},
                {23, TCP, "telnet"},
                {25, TCP, "smtp"},
                {37, BOTH, "time"},
                {43, TCP, "whois"},
                {49, BOTH, "tacacs"},
                {53, BOTH, "dns"},
                {67, UDP, "dhcp server"},
                {68, UDP, "dhcp client"},
                {69, UDP, "tftp"},
                {79, TCP, "finger"},
                {80, TCP, "http"},
                {80, UDP, "http"},
                {88, BOTH, "kerberos"},
                {110, TCP, "pop3"},
                {111, BOTH, "portmapper"},
                {113, TCP, "ident"},
                {119, TCP, "nntp"},
                {123, BOTH, "ntp"},
                {135, BOTH, "msrpc"},
                {137, BOTH, "netbios-ns"},
                {138, BOTH, "netbios-dgm"},
                {139, TCP, "netbios-ssn"},
                {143, TCP, "imap"},
                {161, BOTH, "snmp"},
                {162, BOTH, "snmp-trap"},
                {179, TCP, "bgp"},
                {389, BOTH, "ldap"},
                {443, TCP, "https"},
                {443, UDP, "quic"},
                {445, BOTH, "smb"},
                {464, BOTH, "kpasswd"},
                {465, TCP, "smtps"},
                {500, UDP, "ike"},
                {502, TCP, "modbus"},
                {512, TCP, "rexec"},
                {513, TCP, "rlogin"},
                {514, TCP, "rsh"},
                {514, UDP, "syslog"},
                {515, TCP, "lpd"},
                {520, UDP, "rip"},
                {548, TCP, "afp"},
                {554, BOTH, "rtsp"},
                {587, TCP, "submission"},
                {623, UDP, "ipmi"},
                {631, BOTH, "ipp"},
                {636, TCP, "ldaps"},
                {853, BOTH, "dns over tls"},
                {873, TCP, "rsync"},
                {990, TCP, "ftps"},
                {993, TCP, "imaps"},
                {995, TCP, "pop3s"},
                {1080, TCP, "socks"},
                {1194, BOTH, "openvpn"},
                {1433, TCP, "mssql"},
                {1434, UDP, "mssql-browser"},
                {1521, TCP, "oracle"},
                {1701, UDP, "l2tp"},
                {1723, TCP, "pptp"},
                {1812, UDP, "radius"},
                {1813, UDP, "radius-acct"},
                {1883, TCP, "mqtt"},
                {1900, UDP, "ssdp"},
                {2049, BOTH, "nfs"},
                {2181, TCP, "zookeeper"},
                {2375, TCP, "docker"},
                {2376, TCP, "docker over tls"},
                {3128, TCP, "squid"},
                {3260, TCP, "iscsi"},
                {3306, TCP, "mysql"},
                {3389, BOTH, "rdp"},
                {3478, BOTH, "stun"},
                {3702, BOTH, "ws-discovery"},
                {4500, UDP, "ipsec-nat-t"},
                {4789, UDP, "vxlan"},
                {5060, BOTH, "sip"},
                {5061, BOTH, "sips"},
                {5222, TCP, "xmpp"},
                {5353, UDP, "mdns"},
                {5355, UDP, "llmnr"},
                {5432, TCP, "postgresql"},
                {5555, TCP, "adb"},
                {5672, TCP, "amqp"},
                {5683, UDP, "coap"},
                {5900, TCP, "vnc"},
                {5985, TCP, "winrm"},
                {5986, TCP, "winrm over tls"},
                {6379, TCP, "redis"},
                {6667, TCP, "irc"},
                {6881, BOTH, "bittorrent"},
                {8080, TCP, "http-alt"},
                {8443, TCP, "https-alt"},
                {8883, TCP, "mqtt over tls"},
                {9092, TCP, "kafka"},
                {9100, TCP, "jetdirect"},
                {9200, TCP, "elasticsearch"},
                {10000, TCP, "webmin"},
                {11211, BOTH, "memcached"},
                {25565, TCP, "minecraft"},
                {27015, UDP, "source engine"},
                {27017, TCP, "mongodb"},
                {47808, UDP, "bacnet"},
                {51820, UDP, "wireguard"}};

static int compare(const void *key, const void *entry)
{
   uint16_t port = *(const uint16_t *) key;
   const struct service *s = entry;
   return (port > s->port) - (port < s->port);
}

const char *port_name(uint16_t port, uint8_t protocol)
{
   const struct service *end = services + sizeof(services) / sizeof(services[0]);
   const struct service *s =
       bsearch(&port, services, sizeof(services) / sizeof(services[0]), sizeof(services[0]), compare);
   unsigned over = protocol == IPPROTO_TCP ? TCP : protocol == IPPROTO_UDP ? UDP : protocol == 0 ? BOTH : 0;
   while (s != NULL && s > services && s[-1].port == port) {
      s--;
   }
   for (; s != NULL && s < end && s->port == port; s++) {
      if ((s->over & over) != 0) {
         return s->name;
      }
   }
   return NULL;
}

char *format_port(uint16_t port, uint8_t protocol, char *to, size_t size)
{
   const char *name = port_name(port, protocol);
   if (name != NULL) {
      snprintf(to, size, "%" PRIu16 " (%s)", port, name);
   } else {
      snprintf(to, size, "%" PRIu16, port);
   }
   return to;
}
