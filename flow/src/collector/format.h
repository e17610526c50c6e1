/* SPDX-License-Identifier: BSD-3-Clause */
/** The format of an output: fields by their names, mandatory or optional, with the types that the element table gives them. */
#ifndef FLOW_COLLECTOR_FORMAT_H
#define FLOW_COLLECTOR_FORMAT_H

#include "elements.h"

#include <stdbool.h>
#include <stdint.h>
#include <unirec/unirec.h>

#define FC_ERROR        512
#define FC_MAX_FIELDS   512 /* of an output */
#define FC_MAX_INTERNAL 16  /* of them computed */

/** What is computed, not read from a record. */
enum fc_internal { FC_NOT_INTERNAL, FC_LINK, FC_DIRECTION, FC_DOMAIN, FC_EXPORTER, FC_RATE };

struct fc_format_field {
   char name[64];
   ur_field_type_t type;
   ur_field_id_t id; /* in the registry, after fc_format_bind() */
   uint16_t offset;  /* in the record, likewise */
   uint8_t internal; /* enum fc_internal */
   bool optional;
};

struct fc_format {
   struct fc_format_field fields[FC_MAX_FIELDS];
   unsigned n;
   char *typed; /* "ipaddr SRC_IP,..." */
   const ur_template_t *tmplt;
};

/** Reads a format as the unirec plugin of ipfixcol2 has it: "SRC_IP,DST_IP,?TCP_FLAGS". \return NULL with a message in error */
struct fc_format *fc_format_new(const char *text, const struct fc_elements *elements, char error[FC_ERROR]);
void fc_format_free(struct fc_format *f);
/** The template of an output with the fields f->typed. It must outlive the format. */
void fc_format_bind(struct fc_format *f, const ur_template_t *tmplt);
/** \return index of the field of this name; -1: the format does not have it */
int fc_format_find(const struct fc_format *f, const char *name);

/** What detectors of this system read. */
extern const char fc_default_format[];

#endif
