/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipfix_elements.h"

#include <string.h>

#define CESNET  IPFIX_PEN_CESNET
#define FLOWMON IPFIX_PEN_FLOWMON
#define REVERSE IPFIX_PEN_REVERSE

#define NTP_EPOCH    UINT64_C(2208988800) /* seconds from 1900 to 1970 */
#define LIST_ORDERED 4                    /* semantic of a basicList (RFC 6313): the order counts */

/* The numbers of the published registries of IANA, CESNET and Flowmon, and in the ranges of CESNET's elements those of fields that its
 * registry does not have. Lengths are those of the fields' types. */
/* clang-format off */
static const struct {
   const char *name;
   uint32_t pen;
   uint16_t id;
} elements[] = {
   {"HTTP_REQUEST_AGENT", FLOWMON, 20},
   {"HTTP_REQUEST_METHOD", CESNET, 200},
   {"HTTP_REQUEST_HOST", FLOWMON, 1},
   {"HTTP_REQUEST_REFERER", FLOWMON, 3},
   {"HTTP_REQUEST_URL", FLOWMON, 2},
   {"HTTP_RESPONSE_CONTENT_TYPE", FLOWMON, 10},
   {"HTTP_RESPONSE_SERVER", CESNET, 201},
   {"HTTP_RESPONSE_SET_COOKIE_NAMES", CESNET, 202},
   {"HTTP_RESPONSE_STATUS_CODE", FLOWMON, 12},
   {"TLS_VERSION", FLOWMON, 333},
   {"TLS_SNI", CESNET, 808},
   {"HTTPS_SNI", CESNET, 808},
   {"TLS_ALPN", FLOWMON, 337},
   {"TLS_JA3", FLOWMON, 357},
   {"TLS_JA4", CESNET, 809},
   {"TLS_EXT_TYPE", CESNET, 802},
   {"TLS_EXT_LEN", CESNET, 803},
   {"DNS_ANSWERS", CESNET, 14},
   {"DNS_RCODE", CESNET, 1},
   {"DNS_QTYPE", CESNET, 3},
   {"DNS_CLASS", CESNET, 4},
   {"DNS_RR_TTL", CESNET, 5},
   {"DNS_RLENGTH", CESNET, 6},
   {"DNS_PSIZE", CESNET, 8},
   {"DNS_DO", CESNET, 9},
   {"DNS_ID", CESNET, 10},
   {"DNS_NAME", CESNET, 2},
   {"DNS_RDATA", CESNET, 7},
   {"DNS_ATYPE", CESNET, 11},
   {"DNS_IP", CESNET, 7},
   {"SMTP_2XX_STAT_CODE_COUNT", CESNET, 816},
   {"SMTP_3XX_STAT_CODE_COUNT", CESNET, 817},
   {"SMTP_4XX_STAT_CODE_COUNT", CESNET, 818},
   {"SMTP_5XX_STAT_CODE_COUNT", CESNET, 819},
   {"SMTP_COMMAND_FLAGS", CESNET, 810},
   {"SMTP_MAIL_CMD_COUNT", CESNET, 811},
   {"SMTP_RCPT_CMD_COUNT", CESNET, 812},
   {"SMTP_STAT_CODE_FLAGS", CESNET, 815},
   {"SMTP_DOMAIN", CESNET, 820},
   {"SMTP_FIRST_RECIPIENT", CESNET, 814},
   {"SMTP_FIRST_SENDER", CESNET, 813},
   {"SIP_MSG_TYPE", CESNET, 100},
   {"SIP_STATUS_CODE", CESNET, 101},
   {"SIP_CSEQ", CESNET, 108},
   {"SIP_CALLING_PARTY", CESNET, 103},
   {"SIP_CALLED_PARTY", CESNET, 104},
   {"SIP_CALL_ID", CESNET, 102},
   {"SIP_USER_AGENT", CESNET, 106},
   {"SIP_REQUEST_URI", CESNET, 107},
   {"SIP_VIA", CESNET, 105},
   {"NTP_LEAP", CESNET, 18},
   {"NTP_VERSION", CESNET, 19},
   {"NTP_MODE", CESNET, 20},
   {"NTP_STRATUM", CESNET, 21},
   {"NTP_POLL", CESNET, 22},
   {"NTP_PRECISION", CESNET, 23},
   {"NTP_DELAY", CESNET, 24},
   {"NTP_DISPERSION", CESNET, 25},
   {"NTP_REF_ID", CESNET, 26},
   {"NTP_REF", CESNET, 27},
   {"NTP_ORIG", CESNET, 28},
   {"NTP_RECV", CESNET, 29},
   {"NTP_SENT", CESNET, 30},
   {"RTSP_REQUEST_METHOD", CESNET, 1040},
   {"RTSP_REQUEST_AGENT", CESNET, 1041},
   {"RTSP_REQUEST_URI", CESNET, 1042},
   {"RTSP_RESPONSE_STATUS_CODE", CESNET, 1043},
   {"RTSP_RESPONSE_SERVER", CESNET, 1044},
   {"RTSP_RESPONSE_CONTENT_TYPE", CESNET, 1045},
   {"SSDP_LOCATION_PORT", CESNET, 821},
   {"SSDP_NT", CESNET, 824},
   {"SSDP_SERVER", CESNET, 822},
   {"SSDP_ST", CESNET, 825},
   {"SSDP_USER_AGENT", CESNET, 823},
   {"DNSSD_QUERIES", CESNET, 826},
   {"DNSSD_RESPONSES", CESNET, 827},
   {"OVPN_CONF_LEVEL", CESNET, 828},
   {"NB_NAME", CESNET, 831},
   {"NB_SUFFIX", CESNET, 832},
   {"IDP_CONTENT", CESNET, 850},
   {"IDP_CONTENT_REV", CESNET, 851},
   {"OSQUERY_PROGRAM_NAME", CESNET, 852},
   {"OSQUERY_USERNAME", CESNET, 853},
   {"OSQUERY_OS_NAME", CESNET, 854},
   {"OSQUERY_OS_MAJOR", CESNET, 855},
   {"OSQUERY_OS_MINOR", CESNET, 856},
   {"OSQUERY_OS_BUILD", CESNET, 857},
   {"OSQUERY_OS_PLATFORM", CESNET, 858},
   {"OSQUERY_OS_PLATFORM_LIKE", CESNET, 859},
   {"OSQUERY_OS_ARCH", CESNET, 860},
   {"OSQUERY_KERNEL_VERSION", CESNET, 861},
   {"OSQUERY_SYSTEM_HOSTNAME", CESNET, 862},
   {"QUIC_SNI", CESNET, 890},
   {"QUIC_USER_AGENT", CESNET, 884},
   {"QUIC_VERSION", CESNET, 885},
   {"QUIC_CLIENT_VERSION", CESNET, 886},
   {"QUIC_TOKEN_LENGTH", CESNET, 887},
   {"QUIC_OCCID", CESNET, 888},
   {"QUIC_OSCID", CESNET, 889},
   {"QUIC_SCID", CESNET, 883},
   {"QUIC_RETRY_SCID", CESNET, 891},
   {"QUIC_MULTIPLEXED", CESNET, 892},
   {"QUIC_ZERO_RTT", CESNET, 893},
   {"QUIC_SERVER_PORT", CESNET, 894},
   {"QUIC_PACKETS", CESNET, 895},
   {"QUIC_CH_PARSED", CESNET, 896},
   {"QUIC_TLS_EXT_TYPE", CESNET, 897},
   {"QUIC_TLS_EXT_LEN", CESNET, 898},
   {"QUIC_TLS_EXT", CESNET, 899},
   {"SSA_CONF_LEVEL", CESNET, 903},
   {"TCP_MSS", CESNET, 900},
   {"TCP_MSS_REV", CESNET, 901},
   {"TCP_SYN_SIZE", CESNET, 902},
   {"IP_TTL", 0, 192},
   {"IP_TTL_REV", REVERSE, 192},
   {"IP_FLG", 0, 197},
   {"IP_FLG_REV", REVERSE, 197},
   {"TCP_WIN", 0, 186},
   {"TCP_WIN_REV", REVERSE, 186},
   {"TCP_OPT", 0, 209},
   {"TCP_OPT_REV", REVERSE, 209},
   {"NTS_MEAN", CESNET, 1020},
   {"NTS_MIN", CESNET, 1021},
   {"NTS_MAX", CESNET, 1022},
   {"NTS_STDEV", CESNET, 1023},
   {"NTS_KURTOSIS", CESNET, 1024},
   {"NTS_ROOT_MEAN_SQUARE", CESNET, 1025},
   {"NTS_AVERAGE_DISPERSION", CESNET, 1026},
   {"NTS_MEAN_SCALED_TIME", CESNET, 1027},
   {"NTS_MEAN_DIFFTIMES", CESNET, 1028},
   {"NTS_MIN_DIFFTIMES", CESNET, 1029},
   {"NTS_MAX_DIFFTIMES", CESNET, 1030},
   {"NTS_TIME_DISTRIBUTION", CESNET, 1031},
   {"NTS_SWITCHING_RATIO", CESNET, 1032},
   {"MQTT_TYPE_CUMULATIVE", CESNET, 1033},
   {"MQTT_VERSION", CESNET, 1034},
   {"MQTT_CONNECTION_FLAGS", CESNET, 1035},
   {"MQTT_KEEP_ALIVE", CESNET, 1036},
   {"MQTT_CONNECTION_RETURN_CODE", CESNET, 1037},
   {"MQTT_PUBLISH_FLAGS", CESNET, 1038},
   {"MQTT_TOPICS", CESNET, 1039},
   {"WG_CONF_LEVEL", CESNET, 1100},
   {"WG_SRC_PEER", CESNET, 1101},
   {"WG_DST_PEER", CESNET, 1102},
   {"PPI_PKT_LENGTHS", CESNET, 1013},
   {"PPI_PKT_TIMES", CESNET, 1014},
   {"PPI_PKT_FLAGS", CESNET, 1015},
   {"PPI_PKT_DIRECTIONS", CESNET, 1016},
   {"SBI_BRST_PACKETS", CESNET, 1050},
   {"SBI_BRST_BYTES", CESNET, 1051},
   {"SBI_BRST_TIME_START", CESNET, 1052},
   {"SBI_BRST_TIME_STOP", CESNET, 1053},
   {"DBI_BRST_PACKETS", CESNET, 1054},
   {"DBI_BRST_BYTES", CESNET, 1055},
   {"DBI_BRST_TIME_START", CESNET, 1056},
   {"DBI_BRST_TIME_STOP", CESNET, 1057},
   {"S_PHISTS_SIZES", CESNET, 1060},
   {"S_PHISTS_IPT", CESNET, 1061},
   {"D_PHISTS_SIZES", CESNET, 1062},
   {"D_PHISTS_IPT", CESNET, 1063},
   {"L4_ICMP_TYPE_CODE", 0, 32},
   {"VLAN_ID", 0, 58},
   {"MPLS_TOP_LABEL_STACK_SECTION", 0, 70},
   {"FLOW_ID", 0, 148},
};
/* clang-format on */

/* Bytes of a value of a UniRec type; 0: variable. */
static uint16_t length_of(ur_field_type_t type)
{
   switch (type) {
   case UR_TYPE_STRING:
   case UR_TYPE_BYTES:
   case UR_TYPE_IP:
   case UR_TYPE_A_IP: return 0; /* addresses have 4 or 16 bytes */
   case UR_TYPE_CHAR:
   case UR_TYPE_UINT8:
   case UR_TYPE_INT8:
   case UR_TYPE_A_UINT8:
   case UR_TYPE_A_INT8: return 1;
   case UR_TYPE_UINT16:
   case UR_TYPE_INT16:
   case UR_TYPE_A_UINT16:
   case UR_TYPE_A_INT16: return 2;
   case UR_TYPE_UINT32:
   case UR_TYPE_INT32:
   case UR_TYPE_FLOAT:
   case UR_TYPE_A_UINT32:
   case UR_TYPE_A_INT32:
   case UR_TYPE_A_FLOAT: return 4;
   case UR_TYPE_MAC:
   case UR_TYPE_A_MAC: return 6;
   default: return 8;
   }
}

bool ipfix_is_list(ur_field_id_t field)
{
   return ur_get_type(field) >= UR_TYPE_A_UINT8;
}

bool ipfix_element_of(ur_field_id_t field, struct ipfix_element *element)
{
   for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
      if (strcmp(elements[i].name, ur_get_name(field)) == 0) {
         uint16_t length = length_of(ur_get_type(field));
         *element =
             (struct ipfix_element){elements[i].pen, elements[i].id, length > 0 ? length : IPFIX_VARIABLE};
         return true;
      }
   }
   return false;
}

uint8_t *ipfix_put(uint8_t *p, uint64_t value, unsigned length)
{
   for (unsigned i = 0; i < length; i++) {
      p[i] = (uint8_t) (value >> 8 * (length - 1 - i));
   }
   return p + length;
}

uint8_t *ipfix_put_specifier(uint8_t *p, const struct ipfix_element *e)
{
   p = ipfix_put(p, e->id | (e->pen != 0 ? 0x8000u : 0), 2);
   p = ipfix_put(p, e->length, 2);
   return e->pen != 0 ? ipfix_put(p, e->pen, 4) : p;
}

static uint8_t *put_length(uint8_t *p, size_t length)
{
   if (length < 255) {
      *p = (uint8_t) length;
      return p + 1;
   }
   *p = 255;
   return ipfix_put(p + 1, length, 2);
}

/* A number of a record, which has the byte order of this machine. Floating-point numbers are taken as their bits. */
static uint64_t load_number(const void *value, unsigned length)
{
   uint16_t v16;
   uint32_t v32;
   uint64_t v64;
   switch (length) {
   case 1: return *(const uint8_t *) value;
   case 2: return memcpy(&v16, value, 2), v16;
   case 4: return memcpy(&v32, value, 4), v32;
   default: return memcpy(&v64, value, 8), v64;
   }
}

/* Writes one value of length bytes. */
static uint8_t *put_scalar(uint8_t *p, ur_field_type_t type, const void *value, unsigned length)
{
   if (type == UR_TYPE_MAC || type == UR_TYPE_A_MAC) {
      memcpy(p, value, length);
      return p + length;
   }
   uint64_t v = load_number(value, length);
   if (type == UR_TYPE_TIME || type == UR_TYPE_A_TIME) {
      v += NTP_EPOCH << 32;
   }
   return ipfix_put(p, v, length);
}

static uint8_t *put_list(uint8_t *p, const struct ipfix_element *e, const ur_template_t *t, const void *rec,
                         ur_field_id_t field)
{
   const uint8_t *value = ur_get_ptr_by_id(t, rec, field);
   size_t size = ur_get_var_len(t, rec, field);
   p[0] = 255; /* the long form, as RFC 6313 advises */
   uint8_t *length = p + 1, *begin = p + 3;
   p = begin;
   *p++ = LIST_ORDERED;
   p = ipfix_put_specifier(p, e);
   for (size_t i = 0; i + e->length <= size; i += e->length) {
      p = put_scalar(p, ur_get_type(field), value + i, e->length);
   }
   ipfix_put(length, (size_t) (p - begin), 2);
   return p;
}

uint8_t *ipfix_put_value(uint8_t *p, const struct ipfix_element *e, const ur_template_t *t, const void *rec,
                         ur_field_id_t field)
{
   const uint8_t *value = ur_get_ptr_by_id(t, rec, field);
   if (ipfix_is_list(field)) {
      return put_list(p, e, t, rec, field);
   }
   if (e->length != IPFIX_VARIABLE) {
      return put_scalar(p, ur_get_type(field), value, e->length);
   }
   size_t size = ur_get_type(field) != UR_TYPE_IP ? ur_get_var_len(t, rec, field) : 16;
   if (ur_get_type(field) == UR_TYPE_IP && ip_is4((const ip_addr_t *) value)) {
      value += 8;
      size = 4;
   }
   p = put_length(p, size);
   memcpy(p, value, size);
   return p + size;
}
