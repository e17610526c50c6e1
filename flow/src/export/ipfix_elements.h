/* SPDX-License-Identifier: BSD-3-Clause */
/** The IPFIX information elements that carry the fields of plugins. */
#ifndef FLOW_IPFIX_ELEMENTS_H
#define FLOW_IPFIX_ELEMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <unirec/unirec.h>

#define IPFIX_PEN_REVERSE 29305 /* RFC 5103: the other direction of the IANA element */
#define IPFIX_PEN_CESNET  8057
#define IPFIX_PEN_FLOWMON 39499
#define IPFIX_VARIABLE    65535
#define IPFIX_BASIC_LIST  291

struct ipfix_element {
   uint32_t pen; /**< enterprise; 0: IANA */
   uint16_t id;
   uint16_t length; /**< bytes; IPFIX_VARIABLE. Of arrays: of one value of the list */
};

/** The element of a field. \return false: none, the field is not exported */
bool ipfix_element_of(ur_field_id_t field, struct ipfix_element *element);
/** \return true if the field is an array: its elements are in a basicList */
bool ipfix_is_list(ur_field_id_t field);
/** Writes a template's field specifier. \return its end */
uint8_t *ipfix_put_specifier(uint8_t *p, const struct ipfix_element *e);
/** Writes a number of n bytes, most significant first. \return its end */
uint8_t *ipfix_put(uint8_t *p, uint64_t value, unsigned length);
/** Writes a field's value; arrays as a basicList (RFC 6313). \return its end */
uint8_t *ipfix_put_value(uint8_t *p, const struct ipfix_element *e, const ur_template_t *t, const void *rec,
                         ur_field_id_t field);

#endif
