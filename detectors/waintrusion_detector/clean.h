/* SPDX-License-Identifier: BSD-3-Clause */
/** Texts of which it is known that no signature matches: browsers, hosts and names of arguments come again and again. */
#ifndef WAINTRUSION_CLEAN_H
#define WAINTRUSION_CLEAN_H

#include "request.h"

#include <nemea-common/nc_hash.h>
#include <string.h>

#define CLEAN_SLOTS 2048 /* a power of 2; a new text takes the place of the one before */
#define CLEAN_TEXT  250  /* bytes; longer texts are not kept */

struct clean {
   struct clean_slot {
      uint8_t used, field;
      uint16_t n;
      char text[CLEAN_TEXT];
   } slots[CLEAN_SLOTS];
};

/** Is it worth while? Whole URLs are new nearly each time. */
static inline bool clean_takes(enum field field, const struct text *text)
{
   return text->n > 0 && text->n <= CLEAN_TEXT && field != FIELD_URL && field != FIELD_URL_RAW &&
          field != FIELD_METHOD_AND_URL && field != FIELD_QUERY;
}

static inline struct clean_slot *clean_slot(struct clean *c, enum field field, const struct text *text)
{
   return &c->slots[(nc_hash(text->data, text->n) + field) % CLEAN_SLOTS];
}

static inline bool clean_has(struct clean *c, enum field field, const struct text *text)
{
   const struct clean_slot *s = clean_slot(c, field, text);
   return s->used && s->field == field && s->n == text->n && memcmp(s->text, text->data, text->n) == 0;
}

static inline void clean_add(struct clean *c, enum field field, const struct text *text)
{
   struct clean_slot *s = clean_slot(c, field, text);
   s->used = 1;
   s->field = (uint8_t) field;
   s->n = (uint16_t) text->n;
   memcpy(s->text, text->data, text->n);
}

#endif
