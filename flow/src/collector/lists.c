/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Lists in records (RFC 6313), as far as a UniRec record can hold them. The values of a basicList become an array. Of the records of a
 * subTemplateList or subTemplateMultiList, fields that are arrays get the values of all records of a list, others the first value that is not zero;
 * what the record itself has, or an earlier list, stays. The work is bounded by the bytes of the record and by FC_LIST_DEPTH.
 */
#include "operations.h"
#include "parse/bytes.h"

#define BASIC_LIST    5 /* bytes before the values of a basicList without enterprise number */
#define ENTERPRISE    0x8000
#define SUB_LIST      3 /* semantic, template */
#define ENTRY         4 /* template and length of an entry of a subTemplateMultiList */
#define NONE_OF       0 /* semantic: what is listed is no property of the flow */
#define MAX_VALUE     16
#define LISTS_AT_ONCE 32 /* columns of one list */

struct walk {
   const struct fc_program *program; /* of the record that the lists are in */
   const struct fc_context *c;
   uint8_t *rec;
   unsigned depth;
};

/* A template of a list's records, as the output reads it. */
struct sub {
   const struct fc_shape *shape;
   const struct fc_program *program;
};

_Thread_local uint8_t fc_listed[FC_MAX_FIELDS];

static bool read_list(const struct walk *w, unsigned kind, const uint8_t *p, size_t length);

static void passed_over(const struct walk *w)
{
   if (w->c->lists != NULL) {
      w->c->lists->passed_over++;
   }
}

/* ---------------------------------------------------------------------- basicList */

/* An array from a basicList's values. \return false: the record is too large */
static bool put_array(const struct walk *w, const struct fc_element *e, const uint8_t *p, size_t left,
                      unsigned n)
{
   static _Thread_local uint8_t array[UR_MAX_SIZE];
   const struct fc_format *format = w->program->format;
   int k = fc_format_find(format, e->field);
   unsigned size = (unsigned) abs(ur_field_type_size[e->type]);
   size_t used = 0;
   if (k < 0 || !e->list || fc_listed[k] != 0) {
      return true;
   }
   for (; left >= n && used + size <= sizeof(array); p += n, left -= n, used += size) {
      if (!fc_put_element(e, p, n, w->c, array + used, size)) {
         return true;
      }
   }
   fc_listed[k] = 1;
   return ur_set_var(format->tmplt, w->rec, format->fields[k].id, array, (int) used) == UR_OK;
}

/* The list says which element its values are of. Lists of values of variable length have no array that could hold them. */
static bool read_basic(const struct walk *w, const uint8_t *p, size_t length)
{
   size_t header = BASIC_LIST;
   uint32_t pen = 0;
   uint16_t id = length >= header ? load_be16(p + 1) : 0, n = length >= header ? load_be16(p + 3) : 0;
   if ((id & ENTERPRISE) != 0) {
      header += 4;
      id &= ENTERPRISE - 1;
      pen = length >= header ? load_be32(p + 5) : 0;
   }
   if (length < header) {
      passed_over(w);
      return true;
   }
   if (n == 0 || n > MAX_VALUE) {
      return true;
   }
   for (const struct fc_element *e = fc_elements_find(w->program->elements, pen, id); e != NULL;
        e = e->next) {
      if (!put_array(w, e, p + header, length - header, n)) {
         return false;
      }
   }
   return true;
}

/* ---------------------------------------------------------- lists of whole records */

/* Fields that nothing has set yet, from one record of a list. \return false: the record is too large */
static bool read_fields(const struct walk *w, const struct sub *sub, const uint8_t *p,
                        const struct fc_layout *layout)
{
   const ur_template_t *t = w->program->format->tmplt;
   for (const struct op *op = sub->program->ops, *end = op + sub->program->n_ops; op < end; op++) {
      size_t length;
      const uint8_t *from = fc_op_source(op, p, layout, &length);
      if (op->code == OP_COLUMN) {
         continue;
      }
      if (op->code == OP_LIST) {
         if (!read_list(w, op->kind, from, length)) {
            return false;
         }
         continue;
      }
      bool set = op->code >= OP_TEXT ? ur_get_var_len(t, w->rec, op->field) > 0
                                     : !fc_is_zero(w->rec + op->to, op->size);
      if (!set) {
         fc_listed[op->place] = 1;
         if (!fc_op_run(op, from, length, w->c, t, w->rec)) {
            return false;
         }
      }
   }
   return true;
}

/* Arrays from a list of n records, which have been measured before. \return false: the record is too large */
static bool read_columns(const struct walk *w, const struct sub *sub, const uint8_t *p, size_t left, size_t n)
{
   static _Thread_local uint8_t arrays[UR_MAX_SIZE];
   const ur_template_t *t = w->program->format->tmplt;
   const struct op *columns[LISTS_AT_ONCE];
   size_t begin[LISTS_AT_ONCE + 1] = {0};
   unsigned count = 0;
   struct fc_layout room, *layout = sub->shape->n_variable > 0 ? &room : NULL;
   for (const struct op *op = sub->program->ops, *end = op + sub->program->n_ops; op < end; op++) {
      if (op->code == OP_COLUMN && fc_listed[op->place] == 0 && count < LISTS_AT_ONCE) {
         if (n > (sizeof(arrays) - begin[count]) / op->size) {
            return false; /* more than a record can hold */
         }
         fc_listed[op->place] = 1;
         columns[count++] = op;
         begin[count] = begin[count - 1] + n * op->size;
      }
   }
   for (size_t i = 0; i < n && count > 0; i++) {
      size_t size = fc_shape_measure(sub->shape, p, left, layout);
      for (unsigned k = 0; k < count; k++) {
         const struct op *op = columns[k];
         size_t length;
         const uint8_t *from = fc_op_source(op, p, layout, &length);
         uint8_t *to = arrays + begin[k] + i * op->size;
         memset(to, 0, op->size);
         (void) fc_put_element(op->element, from, length, w->c, to, op->size);
      }
      p += size;
      left -= size;
   }
   for (unsigned k = 0; k < count; k++) {
      if (ur_set_var(t, w->rec, columns[k]->field, arrays + begin[k], (int) (begin[k + 1] - begin[k])) !=
          UR_OK) {
         return false;
      }
   }
   return true;
}

/* The records of one template. */
static bool read_records(const struct walk *w, uint16_t id, const uint8_t *p, size_t left)
{
   struct sub sub;
   struct fc_layout room;
   size_t n = 0, size;
   const uint8_t *begin = p;
   if (w->c->lists == NULL || !w->c->lists->find(w->c->lists->context, id, &sub.shape, &sub.program)) {
      passed_over(w); /* its template has not come, or is one of options */
      return true;
   }
   struct fc_layout *layout = sub.shape->n_variable > 0 ? &room : NULL;
   for (; left > 0; p += size, left -= size, n++) {
      size = fc_shape_measure(sub.shape, p, left, layout);
      if (size == 0) {
         passed_over(w); /* what is left is no record */
         break;
      }
      if (!read_fields(w, &sub, p, layout)) {
         return false;
      }
   }
   return sub.program->n_columns == 0 || read_columns(w, &sub, begin, (size_t) (p - begin), n);
}

static bool read_multi(const struct walk *w, const uint8_t *p, size_t left)
{
   while (left >= ENTRY) {
      size_t length = load_be16(p + 2);
      if (length < ENTRY || length > left) {
         break;
      }
      if (!read_records(w, load_be16(p), p + ENTRY, length - ENTRY)) {
         return false;
      }
      p += length;
      left -= length;
   }
   if (left > 0) {
      passed_over(w);
   }
   return true;
}

static bool read_list(const struct walk *before, unsigned kind, const uint8_t *p, size_t length)
{
   struct walk w = *before;
   if (length == 0) {
      return true; /* a list that was left out */
   }
   if (++w.depth > FC_LIST_DEPTH || p[0] == NONE_OF) {
      passed_over(&w);
      return true;
   }
   switch (kind) {
   case FC_KIND_BASIC_LIST: return read_basic(&w, p, length);
   case FC_KIND_SUB_TEMPLATE_LIST:
      if (length < SUB_LIST) {
         passed_over(&w);
         return true;
      }
      return read_records(&w, load_be16(p + 1), p + SUB_LIST, length - SUB_LIST);
   default: return read_multi(&w, p + 1, length - 1);
   }
}

bool fc_list_read(const struct fc_program *p, unsigned kind, const uint8_t *list, size_t length,
                  const struct fc_context *c, uint8_t *rec)
{
   const struct walk w = {.program = p, .c = c, .rec = rec};
   return read_list(&w, kind, list, length);
}
