/* SPDX-License-Identifier: BSD-3-Clause */
/* Made by ur_values.sh from the file values. */
/* clang-format off */
/** \file ur_values.h
 * Named values of fields: their numbers, names and descriptions. */
#ifndef _UR_VALUES_H_
#define _UR_VALUES_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DIR_IN 1
#define DIR_OUT 0
#define IPV6_TUN_NATIVE 0
#define IPV6_TUN_TEREDO 1
#define IPV6_TUN_ISATAP 2
#define IPV6_TUN_6TO4 4
#define IPV6_TUN_AYIYA 8
#define IPV6_TUN_OTHER 16
#define IPV6_TUN_6OVER4 32
#define SPOOF_BOGONS 1
#define SPOOF_SYMETRIC 2
#define SPOOF_NEWIP 4
#define SPOOF_TCPHIST 8
#define EVT_T_PORTSCAN 1
#define EVT_T_PORTSCAN_H 2
#define EVT_T_PORTSCAN_V 3
#define EVT_T_DOS 10
#define EVT_T_SYNFLOOD 11
#define EVT_T_DNSAMP 15
#define EVT_T_BRUTEFORCE 30
#define EVT_T_VOIP_PREFIX_GUESS 40
#define EVT_T_VOIP_CALL_DIFFERENT_COUNTRY 41
#define TUN_T_REQUEST_TUNNEL 1
#define TUN_T_REQUEST_OTHER 2
#define TUN_T_REQUEST_MALFORMED_P 3
#define TUN_T_RESPONSE_TUNNEL_REQ 4
#define TUN_T_RESPONSE_TUNNEL_TXT 5
#define TUN_T_RESPONSE_TUNNEL_CNAME 6
#define TUN_T_RESPONSE_TUNNEL_MX 7
#define TUN_T_RESPONSE_TUNNEL_NS 8
#define TUN_T_RESPONSE_OTHER 9
#define TUN_T_RESPONSE_MALFORMED_P 10
#define HB_HEARTBEAT 24
#define HB_UNKNOWN 0
#define HB_REQUEST 1
#define HB_RESPONSE 2
#define HB_AT_MIN_SIZE 1
#define HB_AT_DIFF_SIZE 2
#define HB_AT_DIFF_REQ_RESP 4
#define HB_AVG_RESP 8
#define WT_PORTSCAN 1
#define WT_BRUTEFORCE 2
#define WT_PROBE 3
#define WT_SPAM 4
#define WT_PHISHING 5
#define WT_BOTNET_C_C 6
#define WT_DOS 7
#define WT_MALWARE 8
#define WT_COPYRIGHT 9
#define WT_WEBATTACK 10
#define WT_VULNERABILITY 11
#define WT_TEST 12
#define WT_OTHER 13
#define HTTP_SDM_METHOD_GET 1
#define HTTP_SDM_METHOD_POST 2
#define HTTP_SDM_METHOD_HEAD 4
#define HTTP_SDM_METHOD_PUT 5
#define HTTP_SDM_METHOD_OPTIONS 6
#define HTTP_SDM_METHOD_DELETE 7
#define HTTP_SDM_METHOD_TRACE 8
#define HTTP_SDM_METHOD_CONNECT 9

/* Rows of ur_values[] that belong to a field: from START on, below END. */
#define UR_TYPE_START_TCP_FLAGS 0
#define UR_TYPE_END_TCP_FLAGS 6
#define UR_TYPE_START_DIR_BIT_FIELD 6
#define UR_TYPE_END_DIR_BIT_FIELD 8
#define UR_TYPE_START_DIRECTION_FLAGS 8
#define UR_TYPE_END_DIRECTION_FLAGS 12
#define UR_TYPE_START_IPV6_TUN_TYPE 12
#define UR_TYPE_END_IPV6_TUN_TYPE 19
#define UR_TYPE_START_SPOOF_TYPE 19
#define UR_TYPE_END_SPOOF_TYPE 23
#define UR_TYPE_START_EVENT_TYPE 23
#define UR_TYPE_END_EVENT_TYPE 32
#define UR_TYPE_START_TUNNEL_TYPE 32
#define UR_TYPE_END_TUNNEL_TYPE 42
#define UR_TYPE_START_HB_TYPE 42
#define UR_TYPE_END_HB_TYPE 43
#define UR_TYPE_START_HB_DIR 43
#define UR_TYPE_END_HB_DIR 46
#define UR_TYPE_START_HB_ALERT_TYPE_FIELD 46
#define UR_TYPE_END_HB_ALERT_TYPE_FIELD 50
#define UR_TYPE_START_WARDEN_TYPE 50
#define UR_TYPE_END_WARDEN_TYPE 63
#define UR_TYPE_START_HTTP_SDM_REQUEST_METHOD_ID 63
#define UR_TYPE_END_HTTP_SDM_REQUEST_METHOD_ID 71

typedef struct ur_values_s {
   int32_t value;
   char *name;
   char *description;
} ur_values_t;

/** The table; ends with a row whose name is NULL. */
extern const ur_values_t ur_values[];

/** Name and description of a value among the rows [start, end). \return NULL if there is none */
const char *ur_values_get_name_start_end(uint32_t start, uint32_t end, int32_t value);
/** \return the description of a value among the rows [start, end), NULL if there is none */
const char *ur_values_get_description_start_end(uint32_t start, uint32_t end, int32_t value);

/** The same for a field: ur_values_get_name(TCP_FLAGS, 2) */
#define ur_values_get_name(FIELD, value) \
   ur_values_get_name_start_end(UR_TYPE_START_##FIELD, UR_TYPE_END_##FIELD, value)
#define ur_values_get_description(FIELD, value) \
   ur_values_get_description_start_end(UR_TYPE_START_##FIELD, UR_TYPE_END_##FIELD, value)

#ifdef __cplusplus
}
#endif
#endif
