/* SPDX-License-Identifier: BSD-3-Clause */
#include "types.h"

#include <stdio.h>

static void warn_of_type(const nm_column_t *c)
{
   const char *text = NULL;
   switch (c->function) {
   case NM_AGG_SUM:
      text = "Only int, uint, float and double can use sum function, first assigned instead.";
      break;
   case NM_AGG_AVG:
      text = "Only int, uint, float and double can use avg function, first assigned instead.";
      break;
   case NM_AGG_MIN: text = "Only fixed length fields can use min function, first assigned instead."; break;
   case NM_AGG_MAX: text = "Only fixed length fields can use max function, first assigned instead."; break;
   case NM_AGG_OR:
   case NM_AGG_AND:
      text = "Only int, uint and char can use bitwise functions, first assigned instead.";
      break;
   case NM_AGG_LAST: text = "Type is not supported by current version of module, using first instead."; break;
   case NM_AGG_FIRST_SET:
      fprintf(stderr, "agg: field %s: Type %s is not supported by firstne, using first instead.\n", c->name,
              ur_field_type_str[c->in.type]);
      return;
   default: return;
   }
   fprintf(stderr, "agg: field %s: %s\n", c->name, text);
}

/* Functions that agg does not have although they could be calculated: those of NEMEA 2. */
static bool is_known(const nm_column_t *c)
{
   const bool mac = c->in.type == UR_TYPE_MAC,
              text = c->in.type == UR_TYPE_STRING || c->in.type == UR_TYPE_BYTES;
   switch (c->function) {
   case NM_AGG_SUM:
   case NM_AGG_AVG: return c->in.type != UR_TYPE_CHAR;
   case NM_AGG_MIN:
   case NM_AGG_MAX:
   case NM_AGG_FIRST_SET: return !mac;
   case NM_AGG_LAST: return !mac && (text || !nm_field_is_variable(&c->in));
   default: return true;
   }
}

void set_type(nm_column_t *column)
{
   if (!nm_column_set_type(column, is_known(column))) {
      warn_of_type(column);
   }
}
