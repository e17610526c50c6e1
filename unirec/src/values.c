/* SPDX-License-Identifier: BSD-3-Clause */
/* Made by ur_values.sh from the file values. */
/* clang-format off */
#include <stddef.h>
#include <unirec/ur_values.h>

#define UR_PUBLIC __attribute__((visibility("default")))

UR_PUBLIC const ur_values_t ur_values[] = {
   {0x01, "TCP_FIN", "Finish bit flag"},
   {0x02, "TCP_SYN", "Synchronize bit flag"},
   {0x04, "TCP_RST", "Reset bit flag"},
   {0x08, "TCP_PSH", "Push bit flag"},
   {0x10, "TCP_ACK", "Acknowledgement bit flag"},
   {0x20, "TCP_URG", "Urgent bit flag"},
   {1, "DIR_IN", "Incoming direction"},
   {0, "DIR_OUT", "Outgoing direction"},
   {8, "DIR_FLAG_REQ", "Request"},
   {4, "DIR_FLAG_RSP", "Response"},
   {2, "DIR_FLAG_SF", "Single flow"},
   {1, "DIR_FLAG_NRC", "Not recognized"},
   {0, "IPV6_TUN_NATIVE", "Native IPv6"},
   {1, "IPV6_TUN_TEREDO", "Teredo"},
   {2, "IPV6_TUN_ISATAP", "ISATAP"},
   {4, "IPV6_TUN_6TO4", "6to4"},
   {8, "IPV6_TUN_AYIYA", "AYIYA"},
   {16, "IPV6_TUN_OTHER", "Other protocol 41"},
   {32, "IPV6_TUN_6OVER4", "6over4"},
   {1, "SPOOF_BOGONS", "Bogon prefix"},
   {2, "SPOOF_SYMETRIC", "Asymmetric routing"},
   {4, "SPOOF_NEWIP", "New IP address"},
   {8, "SPOOF_TCPHIST", "TCP history"},
   {1, "EVT_T_PORTSCAN", "Port scan unspecified"},
   {2, "EVT_T_PORTSCAN_H", "Horizontal port scan"},
   {3, "EVT_T_PORTSCAN_V", "Vertical port scan"},
   {10, "EVT_T_DOS", "Denial of service"},
   {11, "EVT_T_SYNFLOOD", "TCP SYN flood"},
   {15, "EVT_T_DNSAMP", "DNS amplification"},
   {30, "EVT_T_BRUTEFORCE", "Brute force guessing"},
   {40, "EVT_T_VOIP_PREFIX_GUESS", "VoIP prefix guessing"},
   {41, "EVT_T_VOIP_CALL_DIFFERENT_COUNTRY", "VoIP call to a different country"},
   {1, "TUN_T_REQUEST_TUNNEL", "Tunnel in requests"},
   {2, "TUN_T_REQUEST_OTHER", "Other anomaly in requests"},
   {3, "TUN_T_REQUEST_MALFORMED_P", "Malformed packets in requests"},
   {4, "TUN_T_RESPONSE_TUNNEL_REQ", "Tunnel in request strings of responses"},
   {5, "TUN_T_RESPONSE_TUNNEL_TXT", "Tunnel in TXT responses"},
   {6, "TUN_T_RESPONSE_TUNNEL_CNAME", "Tunnel in CNAME responses"},
   {7, "TUN_T_RESPONSE_TUNNEL_MX", "Tunnel in MX responses"},
   {8, "TUN_T_RESPONSE_TUNNEL_NS", "Tunnel in NS responses"},
   {9, "TUN_T_RESPONSE_OTHER", "Other anomaly in responses"},
   {10, "TUN_T_RESPONSE_MALFORMED_P", "Malformed packets in responses"},
   {24, "HB_HEARTBEAT", "TLS heartbeat content type"},
   {0, "HB_UNKNOWN", "Unknown direction"},
   {1, "HB_REQUEST", "Heartbeat request"},
   {2, "HB_RESPONSE", "Heartbeat response"},
   {1, "HB_AT_MIN_SIZE", "Message below the least size"},
   {2, "HB_AT_DIFF_SIZE", "Sizes differ"},
   {4, "HB_AT_DIFF_REQ_RESP", "Request and response differ"},
   {8, "HB_AVG_RESP", "Average response"},
   {1, "WT_PORTSCAN", "Port scan"},
   {2, "WT_BRUTEFORCE", "Brute force"},
   {3, "WT_PROBE", "Probe"},
   {4, "WT_SPAM", "Spam"},
   {5, "WT_PHISHING", "Phishing"},
   {6, "WT_BOTNET_C_C", "Botnet command and control"},
   {7, "WT_DOS", "Denial of service"},
   {8, "WT_MALWARE", "Malware"},
   {9, "WT_COPYRIGHT", "Copyright infringement"},
   {10, "WT_WEBATTACK", "Web attack"},
   {11, "WT_VULNERABILITY", "Vulnerability"},
   {12, "WT_TEST", "Test message"},
   {13, "WT_OTHER", "Other event"},
   {1, "HTTP_SDM_METHOD_GET", "GET method"},
   {2, "HTTP_SDM_METHOD_POST", "POST method"},
   {4, "HTTP_SDM_METHOD_HEAD", "HEAD method"},
   {5, "HTTP_SDM_METHOD_PUT", "PUT method"},
   {6, "HTTP_SDM_METHOD_OPTIONS", "OPTIONS method"},
   {7, "HTTP_SDM_METHOD_DELETE", "DELETE method"},
   {8, "HTTP_SDM_METHOD_TRACE", "TRACE method"},
   {9, "HTTP_SDM_METHOD_CONNECT", "CONNECT method"},
   {0, NULL, NULL},
};

UR_PUBLIC const char *ur_values_get_name_start_end(uint32_t start, uint32_t end, int32_t value)
{
   for (uint32_t i = start; i < end && i < 71; i++) {
      if (ur_values[i].value == value) {
         return ur_values[i].name;
      }
   }
   return NULL;
}

UR_PUBLIC const char *ur_values_get_description_start_end(uint32_t start, uint32_t end, int32_t value)
{
   for (uint32_t i = start; i < end && i < 71; i++) {
      if (ur_values[i].value == value) {
         return ur_values[i].description;
      }
   }
   return NULL;
}
