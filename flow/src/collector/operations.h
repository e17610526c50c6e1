/* SPDX-License-Identifier: BSD-3-Clause */
/** The inside of a program (program.h), for the files that run it: operations, and the values that they write. */
#ifndef FLOW_COLLECTOR_OPERATIONS_H
#define FLOW_COLLECTOR_OPERATIONS_H

#include "program.h"

#include <string.h>

#define MAX_COUNTERS 16

enum code {
   OP_1, /* unsigned numbers of the same length */
   OP_2,
   OP_4,
   OP_8,
   OP_4_8, /* bytes of the source and of the field */
   OP_8_4,
   OP_UNSIGNED, /* any length; a value that the field cannot hold becomes its largest */
   OP_SIGNED,
   OP_FLAGS, /* any length; the lowest bits */
   OP_FLOAT,
   OP_IPV4,
   OP_IPV6,
   OP_MAC,
   OP_TIME_NTP,
   OP_TIME_MS,
   OP_TIME_S,
   OP_TIME_UPTIME,
   OP_TIME_BEFORE_US, /* microseconds before the export */
   OP_TEXT,           /* from here on of variable length */
   OP_BYTES,
   OP_LIST,  /* of any kind: fields are found when it is read */
   OP_COLUMN /* of a list's records: their values become an array; elsewhere nothing */
};

struct op {
   uint8_t code;
   uint8_t size;     /* bytes of the field, or of an element of its array */
   uint8_t kind;     /* of a list: enum fc_kind */
   bool unless_zero; /* a value of zero does not replace what another element of the field has set */
   bool variable, trim;
   uint16_t length; /* bytes of the source */
   uint16_t segment,
       at; /* where it is; segment: number of the variable-length field when that is the source */
   uint16_t to;
   uint16_t place; /* of the field in the format */
   int16_t field;
   const struct fc_element *element; /* of a column */
};

struct fc_program {
   const struct fc_format *format;
   const struct fc_elements *elements;
   const char *lacks;
   uint16_t n_ops, n_internal, n_counters, n_columns;
   uint16_t internal[FC_MAX_INTERNAL];
   struct {
      uint16_t to;
      uint8_t size;
   } counters[MAX_COUNTERS];               /* multiplied by the sampling rate */
   uint16_t n_lists, lists[FC_MAX_FIELDS]; /* mandatory fields that a list of the record must have */
   int first, last; /* offsets of TIME_FIRST and TIME_LAST; -1: not in the format, or not to be derived */
   bool reads_lists;
   bool swap; /* the template says which way round flows are */
   struct op ops[];
};

/** Where an operation's value is in a record. layout: NULL without variable-length fields. */
static inline const uint8_t *fc_op_source(const struct op *op, const uint8_t *record,
                                          const struct fc_layout *layout, size_t *length)
{
   *length = op->length;
   if (layout == NULL) {
      return record + op->at;
   }
   if (op->variable) {
      *length = layout->length[op->segment];
      return layout->value[op->segment];
   }
   return layout->begin[op->segment] + op->at;
}

static inline bool fc_is_zero(const uint8_t *p, size_t n)
{
   while (n > 0 && *p == 0) {
      p++;
      n--;
   }
   return n == 0;
}

/** Writes a value, but those of lists. \return false: the record is too large */
bool fc_op_run(const struct op *op, const uint8_t *from, size_t length, const struct fc_context *c,
               const ur_template_t *t, uint8_t *rec);
/** One element of an array, from network byte order. \return false: no value of this length can be one */
bool fc_put_element(const struct fc_element *e, const uint8_t *p, size_t n, const struct fc_context *c,
                    uint8_t *to, unsigned size);

/* lists.c */

/** Fields of the record that is being written which a list has set, by their place in the format. */
extern _Thread_local uint8_t fc_listed[FC_MAX_FIELDS];
/** Reads a list of RFC 6313 of this kind (enum fc_kind) into a record. \return false: the record is too large */
bool fc_list_read(const struct fc_program *p, unsigned kind, const uint8_t *list, size_t length,
                  const struct fc_context *c, uint8_t *rec);

#endif
