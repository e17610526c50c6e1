/* SPDX-License-Identifier: BSD-3-Clause */
/** The element table: which UniRec field the values of an information element become. */
#ifndef FLOW_COLLECTOR_ELEMENTS_H
#define FLOW_COLLECTOR_ELEMENTS_H

#include "registry.h"

#include <unirec/unirec.h>

struct fc_elements;

/** An element and its field. Where several elements of a record have one field, the one with the lowest rank that is not zero counts. */
struct fc_element {
   const char *field;
   ur_field_type_t type; /**< of the field */
   uint32_t pen;
   uint16_t id;
   uint8_t rank; /**< place in the field's list of elements */
   uint8_t kind; /**< enum fc_kind */
   bool
       discards; /**< of a value too large the upper bits are lost; else the largest value of the field is taken */
   bool list;                     /**< the values are in a basicList of the element */
   bool trim;                     /**< without the zeros at the end */
   const struct fc_element *next; /**< the same element for another field; NULL: there is no other */
};

/** What fc_elements_internal() says of a field. */
enum fc_elements_internal { FC_FIELD_OF_ELEMENTS, FC_FIELD_LINK, FC_FIELD_DIRECTION };

#define FC_ELEMENTS_FIELDS 4096      /* of a table */
#define FC_ELEMENTS_SIZE   (1 << 20) /* bytes of a table's file */

/** Reads a table (docs/collector.md has the format). \param file its name in messages. \return NULL: *errors, which is to be freed, has a line for each
 * fault, or is NULL when there is no memory */
struct fc_elements *fc_elements_parse(const char *file, const char *text, size_t size, char **errors);
/** Reads a file of it. */
struct fc_elements *fc_elements_load(const char *path, char **errors);
void fc_elements_free(struct fc_elements *elements);

/** In all of them NULL is the default table. */

/** \return NULL: no field has this element */
const struct fc_element *fc_elements_find(const struct fc_elements *elements, uint32_t pen, uint16_t id);
/** \return the type of a field; -1: the table does not have it */
int fc_elements_type(const struct fc_elements *elements, const char *field);
/** Whether a field is computed by the collector. */
enum fc_elements_internal fc_elements_internal(const struct fc_elements *elements, const char *field);

#endif
