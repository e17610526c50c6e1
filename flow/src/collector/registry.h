/* SPDX-License-Identifier: BSD-3-Clause */
/** Names and types of information elements: IANA's, and those that vendors have published (flow/data/ipfix-elements.txt). */
#ifndef FLOW_COLLECTOR_REGISTRY_H
#define FLOW_COLLECTOR_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How the bytes of an element are to be read (RFC 7011, section 6.1). */
enum fc_kind {
   FC_KIND_UNKNOWN, /* as the type of the field says */
   FC_KIND_OCTETS,
   FC_KIND_STRING,
   FC_KIND_UNSIGNED,
   FC_KIND_SIGNED,
   FC_KIND_FLOAT,
   FC_KIND_BOOLEAN, /* 1: true, 2: false */
   FC_KIND_MAC,
   FC_KIND_IP, /* 4 or 16 bytes */
   FC_KIND_TIME_S,
   FC_KIND_TIME_MS, /* ipfixprobe sends NTP times in elements of this type, too: values beyond 2^48 are meant so */
   FC_KIND_TIME_NTP,               /* microseconds or nanoseconds, both in NTP's format */
   FC_KIND_TIME_UPTIME,            /* milliseconds since the exporter started */
   FC_KIND_TIME_BEFORE,            /* microseconds before the export */
   FC_KIND_BASIC_LIST,             /* RFC 6313: values of one element */
   FC_KIND_SUB_TEMPLATE_LIST,      /* records of one template */
   FC_KIND_SUB_TEMPLATE_MULTI_LIST /* records of several templates */
};

/** An information element. The texts are not terminated. */
struct fc_ie {
   const char *scope, *name;
   uint32_t pen;
   uint16_t id;
   uint8_t scope_length, name_length;
   uint8_t kind; /**< enum fc_kind */
   bool
       discards; /**< an identifier, or flags: of a value too large the upper bits are lost; others become the largest value */
};

#define FC_PEN_REVERSE 29305 /* RFC 5103: the other direction of an element of IANA */

/** \param name "SCOPE:NAME", or "iana:NAME@reverse". \return false: there is none */
bool fc_registry_named(const char *name, size_t length, struct fc_ie *ie);
/** \return false: the element is not known */
bool fc_registry_numbered(uint32_t pen, uint16_t id, struct fc_ie *ie);

#endif
