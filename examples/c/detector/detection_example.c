/* SPDX-License-Identifier: BSD-3-Clause */
/** detection_example: forwards flows to a given port or address. */
#include <nemea/module.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, uint64 LINK_BIT_FIELD, time TIME_FIRST, time TIME_LAST,
          uint32 PACKETS, uint16 SRC_PORT, uint16 DST_PORT, uint8 DIR_BIT_FIELD, uint8 PROTOCOL,
          uint8 TCP_FLAGS, uint8 TOS, uint8 TTL)

#define BASIC_FLOW                                                                                         \
   "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,uint64 LINK_BIT_FIELD,time TIME_FIRST,time TIME_LAST,uint32 " \
   "PACKETS,"                                                                                              \
   "uint16 SRC_PORT,uint16 DST_PORT,uint8 DIR_BIT_FIELD,uint8 PROTOCOL,uint8 TCP_FLAGS,uint8 TOS,uint8 TTL"

struct detection_example {
   uint16_t port;
   bool has_address;
   ip_addr_t address;
};

static int set_address(nm_module_t *m, const char *text)
{
   struct detection_example *self = nm_self(m);
   self->has_address = ip_from_str(text, &self->address) == 1;
   return self->has_address ? NM_OK
                            : nm_fail(m, "option -a, --address: \"%s\" is no IPv4 or IPv6 address", text);
}

static const nm_option_t options[] = {
    NM_U16('p', "port", struct detection_example, port, 1, 0, UINT16_MAX, "Send on flows to this port."),
    NM_CALL('a', "address", "string", set_address, "Send on flows to this address. (default: none)"), NM_END};

static int record(nm_module_t *m, const void *rec)
{
   const struct detection_example *self = nm_self(m);
   bool wanted = nm_get(m, rec, F_DST_PORT) == self->port ||
                 (self->has_address && ip_cmp(nm_get_ptr(m, rec, F_DST_IP), &self->address) == 0);
   return wanted ? nm_send(m, nm_alert(m, rec)) : NM_OK;
}

NM_MODULE("detection_example", "Sends on flows whose destination has a given port or address.",
          .input = BASIC_FLOW, .output = BASIC_FLOW, .options = options,
          .state_size = sizeof(struct detection_example), .record = record)
