/* SPDX-License-Identifier: BSD-3-Clause */
#include "operations.h"
#include "parse/bytes.h"

#include <stdlib.h>

#define NTP_EPOCH   UINT64_C(2208988800) /* seconds from 1900 to 1970 */
#define ID_DST_PORT 11
#define ID_ICMP     32
#define ID_ICMP6    139
#define MAX_VALUE   16                       /* bytes of an array's element */
#define MAX_SOURCES (2 * FC_TEMPLATE_FIELDS) /* operations of a program */

/* -------------------------------------------------------------------- compile */

static enum code time_code(const struct fc_element *e, unsigned length)
{
   switch (e->kind) {
   case FC_KIND_TIME_UPTIME: return OP_TIME_UPTIME;
   case FC_KIND_TIME_S: return OP_TIME_S;
   case FC_KIND_TIME_MS: return OP_TIME_MS;
   case FC_KIND_TIME_BEFORE: return OP_TIME_BEFORE_US;
   default: return length == 4 ? OP_TIME_S : OP_TIME_NTP;
   }
}

static enum code number_code(unsigned from, unsigned to)
{
   if (from == to) {
      return from == 1 ? OP_1 : from == 2 ? OP_2 : from == 4 ? OP_4 : from == 8 ? OP_8 : OP_UNSIGNED;
   }
   return from == 4 && to == 8 ? OP_4_8 : from == 8 && to == 4 ? OP_8_4 : OP_UNSIGNED;
}

/* \return false: a value of this length cannot become this field */
static bool choose(struct op *op, const struct fc_element *e, unsigned n, ur_field_type_t type)
{
   op->size = (uint8_t) abs(ur_field_type_size[type]);
   op->trim = e->trim;
   if (e->list || type >= UR_TYPE_A_UINT8) {
      return false; /* comes in lists only */
   }
   switch (type) {
   case UR_TYPE_STRING: return op->code = OP_TEXT, true;
   case UR_TYPE_BYTES: return op->code = OP_BYTES, true;
   case UR_TYPE_IP: op->code = n == 4 ? OP_IPV4 : OP_IPV6; return n == 4 || n == 16 || n == FC_VARIABLE;
   case UR_TYPE_MAC: return op->code = OP_MAC, n == 6;
   case UR_TYPE_TIME:
      op->code = (uint8_t) time_code(e, n);
      return op->code == OP_TIME_NTP ? n == 8 : n >= 1 && n <= 8;
   case UR_TYPE_FLOAT:
   case UR_TYPE_DOUBLE: return op->code = OP_FLOAT, n == 4 || n == 8;
   case UR_TYPE_INT8:
   case UR_TYPE_INT16:
   case UR_TYPE_INT32:
   case UR_TYPE_INT64: return op->code = OP_SIGNED, n >= 1 && n <= 8;
   default:
      op->code = (uint8_t) (e->discards && n > op->size ? OP_FLAGS : number_code(n, op->size));
      return n >= 1 && n <= 8;
   }
}

struct source {
   struct op op;
   unsigned field;
   uint8_t rank;
};

/* Where several elements have one field, the best comes last, and does not replace another one's value by zero. */
static int by_field(const void *a, const void *b)
{
   const struct source *x = a, *y = b;
   return x->field != y->field ? (x->field < y->field ? -1 : 1) : (int) y->rank - (int) x->rank;
}

static bool has_element(const struct fc_field *fields, unsigned n, uint16_t id)
{
   for (unsigned i = 0; i < n; i++) {
      if (fields[i].pen == 0 && fields[i].id == id) {
         return true;
      }
   }
   return false;
}

/* Type and code of ICMP stand for the port where the exporter sends no port: a port of zero that is sent stays zero. */
static bool is_no_port(const struct fc_field *f, const char *name, const struct fc_field *fields, unsigned n)
{
   return f->pen == 0 && (f->id == ID_ICMP || f->id == ID_ICMP6) && strcmp(name, "DST_PORT") == 0 &&
          has_element(fields, n, ID_DST_PORT);
}

/* \return FC_KIND_UNKNOWN: no list */
static enum fc_kind list_kind(const struct fc_field *f)
{
   struct fc_ie ie;
   return fc_registry_numbered(f->pen, f->id, &ie) && ie.kind >= FC_KIND_BASIC_LIST ? ie.kind
                                                                                    : FC_KIND_UNKNOWN;
}

/* Whether a template has lists, and whether they can set every field, not only arrays. */
static bool has_list(const struct fc_field *fields, unsigned n, enum fc_kind least)
{
   for (unsigned i = 0; i < n; i++) {
      if (list_kind(&fields[i]) >= least) {
         return true;
      }
   }
   return false;
}

static unsigned find_sources(const struct fc_elements *elements, const struct fc_format *format,
                             const struct fc_field *fields, unsigned n, struct source *sources)
{
   unsigned count = 0;
   uint16_t segment = 0, at = 0;
   for (unsigned i = 0; i < n; i++) {
      bool variable = fields[i].length == FC_VARIABLE;
      enum fc_kind list = list_kind(&fields[i]);
      if (list != FC_KIND_UNKNOWN && count < MAX_SOURCES) {
         sources[count++] = (struct source){.op = {.code = OP_LIST,
                                                   .kind = (uint8_t) list,
                                                   .variable = variable,
                                                   .length = fields[i].length,
                                                   .segment = segment,
                                                   .at = at},
                                            .field = FC_MAX_FIELDS};
      }
      for (const struct fc_element *e = fc_elements_find(elements, fields[i].pen, fields[i].id);
           e != NULL && count < MAX_SOURCES; e = e->next) {
         int k = fc_format_find(format, e->field);
         if (k < 0 || format->fields[k].internal != FC_NOT_INTERNAL ||
             is_no_port(&fields[i], e->field, fields, n)) {
            continue;
         }
         struct source *s = &sources[count];
         *s = (struct source){.op = {.variable = variable,
                                     .length = fields[i].length,
                                     .segment = segment,
                                     .at = at,
                                     .to = format->fields[k].offset,
                                     .place = (uint16_t) k,
                                     .field = format->fields[k].id},
                              .field = (unsigned) k,
                              .rank = e->rank};
         if (e->list && fields[i].length >= 1 && fields[i].length <= MAX_VALUE) {
            s->op.code = OP_COLUMN;
            s->op.size = (uint8_t) abs(ur_field_type_size[e->type]);
            s->op.element = e;
            s->field = FC_MAX_FIELDS;
            count++;
         } else {
            count += choose(&s->op, e, fields[i].length, format->fields[k].type);
         }
      }
      at = variable ? 0 : (uint16_t) (at + fields[i].length);
      segment += variable;
   }
   qsort(sources, count, sizeof(*sources), by_field);
   return count;
}

static bool is_counter(const char *name)
{
   return strcmp(name, "PACKETS") == 0 || strcmp(name, "BYTES") == 0 || strcmp(name, "PACKETS_REV") == 0 ||
          strcmp(name, "BYTES_REV") == 0;
}

/* What is done besides copying. set: by field of the format, whether the template has it. */
static void compile_rest(struct fc_program *p, const struct fc_field *fields, unsigned n, const bool *set)
{
   const struct fc_format *format = p->format;
   /* What they have, only each record tells. */
   bool sub_lists = has_list(fields, n, FC_KIND_SUB_TEMPLATE_LIST);
   p->reads_lists = has_list(fields, n, FC_KIND_BASIC_LIST);
   int first = fc_format_find(format, "TIME_FIRST"), last = fc_format_find(format, "TIME_LAST");
   p->first = p->last = -1;
   if (first >= 0 && last >= 0 && set[first] != set[last]) {
      /* The other one from a duration, or the same: a flow that is one event. */
      p->first = format->fields[first].offset;
      p->last = format->fields[last].offset;
   }
   p->swap = has_element(fields, n, 239);
   for (unsigned i = 0; i < format->n; i++) {
      const struct fc_format_field *f = &format->fields[i];
      bool derived = p->first >= 0 && ((int) i == first || (int) i == last);
      if (f->internal != FC_NOT_INTERNAL) {
         p->internal[p->n_internal++] = (uint16_t) i;
      } else if (!set[i] && !f->optional && !derived &&
                 (sub_lists || (p->reads_lists && f->type >= UR_TYPE_A_UINT8))) {
         p->lists[p->n_lists++] = (uint16_t) i;
      } else if (!set[i] && !f->optional && !derived) {
         p->lacks = p->lacks != NULL ? p->lacks : f->name;
      }
      if ((set[i] || sub_lists) && is_counter(f->name) && p->n_counters < MAX_COUNTERS) {
         p->counters[p->n_counters].to = f->offset;
         p->counters[p->n_counters++].size = (uint8_t) ur_field_type_size[f->type];
      }
   }
}

struct fc_program *fc_program_new(const struct fc_elements *elements, const struct fc_format *format,
                                  const struct fc_field *fields, unsigned n)
{
   struct source sources[MAX_SOURCES];
   bool set[FC_MAX_FIELDS] = {false};
   unsigned count = find_sources(elements, format, fields, n, sources);
   struct fc_program *p = calloc(1, sizeof(*p) + count * sizeof(p->ops[0]));
   if (p == NULL) {
      return NULL;
   }
   p->format = format;
   p->elements = elements;
   for (unsigned i = 0; i < count; i++) {
      if (sources[i].field < FC_MAX_FIELDS) { /* what a list has, only each record tells */
         sources[i].op.unless_zero = set[sources[i].field];
         set[sources[i].field] = true;
      }
      p->n_columns += sources[i].op.code == OP_COLUMN;
      p->ops[p->n_ops++] = sources[i].op;
   }
   compile_rest(p, fields, n, set);
   return p;
}

void fc_program_free(struct fc_program *p)
{
   free(p);
}

const char *fc_program_lacks(const struct fc_program *p)
{
   return p->lacks;
}

/* ------------------------------------------------------------------------ run */

static void put_number(uint8_t *to, uint64_t v, unsigned size)
{
   uint64_t most = size < 8 ? (UINT64_C(1) << 8 * size) - 1 : UINT64_MAX;
   v = v < most ? v : most;
   memcpy(to, &v, size); /* this machine is little-endian: see the static assertion below */
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are stored by their lowest bytes");

static void put_signed(uint8_t *to, const uint8_t *from, unsigned length, unsigned size)
{
   uint64_t v = load_number(from, length);
   if (length < 8 && (from[0] & 0x80) != 0) {
      v |= UINT64_MAX << 8 * length;
   }
   int64_t n = (int64_t) v, most = (int64_t) (UINT64_MAX >> (65 - 8 * size)), least = -most - 1;
   n = n > most ? most : n < least ? least : n;
   memcpy(to, &n, size);
}

static void put_float(uint8_t *to, const uint8_t *from, unsigned length, unsigned size)
{
   double d;
   float f;
   if (length == 4) {
      uint32_t v = load_be32(from);
      memcpy(&f, &v, 4);
      d = (double) f;
   } else {
      uint64_t v = load_be64(from);
      memcpy(&d, &v, 8);
      f = (float) d;
   }
   memcpy(to, size == 4 ? (void *) &f : (void *) &d, size);
}

/* All bits count, also of microseconds, so that what our own meter sends comes back as it was. */
static ur_time_t time_of_ntp(uint64_t v)
{
   return v >> 32 >= NTP_EPOCH ? v - (NTP_EPOCH << 32) : 0;
}

static ur_time_t time_of_ms(uint64_t ms)
{
   if (ms >> 48 != 0) { /* in fact an NTP time: some probes send it in these elements */
      return time_of_ntp(ms);
   }
   return ms / 1000 <= UINT32_MAX ? ur_time_from_sec_msec(ms / 1000, ms % 1000) : 0;
}

/* A time before or after another one. */
static ur_time_t shift_us(ur_time_t t, int64_t us)
{
   uint64_t n = us < 0 ? 0 - (uint64_t) us : (uint64_t) us;
   uint64_t frac = n / 1000000 <= UINT32_MAX ? ur_time_from_sec_usec(n / 1000000, n % 1000000) : t;
   return us < 0 ? (t > frac ? t - frac : 0) : t + frac;
}

/* The clock of sysUpTime wraps after 49 days: what counts is how long before the message a time was. */
static ur_time_t time_of_uptime(const struct fc_context *c, uint32_t uptime)
{
   if (c->has_uptime) {
      return shift_us(c->export_time, -(int64_t) (int32_t) (c->uptime - uptime) * 1000);
   }
   if (c->init_time == 0) {
      return 0;
   }
   uint64_t now =
       (c->export_time >> 32) * 1000 - c->init_time; /* what the clock showed then, before it wrapped */
   return shift_us(c->export_time >> 32 << 32, -(int64_t) (int32_t) ((uint32_t) now - uptime) * 1000);
}

static ur_time_t read_time(const struct op *op, const uint8_t *from, const struct fc_context *c)
{
   uint64_t v = load_number(from, op->length);
   switch (op->code) {
   case OP_TIME_MS: return time_of_ms(v);
   case OP_TIME_S: return v <= UINT32_MAX ? v << 32 : 0;
   case OP_TIME_UPTIME: return time_of_uptime(c, (uint32_t) v);
   case OP_TIME_BEFORE_US: return shift_us(c->export_time, -(int64_t) (v & UINT32_MAX));
   default: return time_of_ntp(v);
   }
}

static void put_ipv4(uint8_t *to, const uint8_t *from)
{
   memset(to, 0, 8);
   memcpy(to + 8, from, 4);
   memset(to + 12, 0xff, 4);
}

bool fc_put_element(const struct fc_element *e, const uint8_t *p, size_t n, const struct fc_context *c,
                    uint8_t *to, unsigned size)
{
   if (e->type == UR_TYPE_A_MAC) {
      memcpy(to, p, 6);
      return n == 6;
   }
   if (e->type == UR_TYPE_A_IP && (n == 4 || n == 16)) {
      n == 4 ? put_ipv4(to, p) : (void) memcpy(to, p, 16);
      return true;
   }
   if (n > 8 || e->type == UR_TYPE_A_IP) {
      return false;
   }
   if (e->type == UR_TYPE_A_TIME) {
      struct op op = {.code = (uint8_t) time_code(e, (unsigned) n), .length = (uint16_t) n};
      ur_time_t t = read_time(&op, p, c);
      memcpy(to, &t, 8);
   } else if (e->type == UR_TYPE_A_FLOAT || e->type == UR_TYPE_A_DOUBLE) {
      if (n != 4 && n != 8) {
         return false;
      }
      put_float(to, p, (unsigned) n, size);
   } else if (e->type == UR_TYPE_A_INT8 || e->type == UR_TYPE_A_INT16 || e->type == UR_TYPE_A_INT32 ||
              e->type == UR_TYPE_A_INT64) {
      put_signed(to, p, (unsigned) n, size);
   } else if (e->discards) {
      memcpy(to, &(uint64_t){load_number(p, (unsigned) n)}, size);
   } else {
      put_number(to, load_number(p, (unsigned) n), size);
   }
   return true;
}

/* \return false: the record is too large */
static bool put_variable(const struct op *op, const uint8_t *from, size_t length, const ur_template_t *t,
                         void *rec)
{
   if (op->code == OP_TEXT && !op->variable) { /* filled with zeros */
      const uint8_t *end = length > 0 ? memchr(from, 0, length) : NULL;
      length = end != NULL ? (size_t) (end - from) : length;
   }
   while (op->trim && length > 0 && from[length - 1] == 0) {
      length--;
   }
   if (op->unless_zero && length == 0) {
      return true;
   }
   return ur_set_var(t, rec, op->field, from, (int) length) == UR_OK;
}

/* The kinds that are less frequent. */
static bool run_rare(const struct op *op, const uint8_t *from, size_t length, const struct fc_context *c,
                     const ur_template_t *t, void *rec)
{
   uint8_t *to = (uint8_t *) rec + op->to;
   ur_time_t time;
   switch (op->code) {
   case OP_UNSIGNED: put_number(to, load_number(from, op->length), op->size); return true;
   case OP_SIGNED: put_signed(to, from, op->length, op->size); return true;
   case OP_FLAGS: memcpy(to, &(uint64_t){load_number(from, op->length)}, op->size); return true;
   case OP_FLOAT: put_float(to, from, op->length, op->size); return true;
   case OP_IPV6: /* or an address of variable length */
      if (length == 16) {
         memcpy(to, from, 16);
      } else if (length == 4) {
         put_ipv4(to, from);
      }
      return true;
   case OP_TEXT:
   case OP_BYTES: return put_variable(op, from, length, t, rec);
   default:
      time = read_time(op, from, c);
      memcpy(to, &time, 8);
      return true;
   }
}

static inline bool run_op(const struct op *op, const uint8_t *from, size_t length, const struct fc_context *c,
                          const ur_template_t *t, uint8_t *rec)
{
   uint8_t *to = rec + op->to;
   uint32_t v32;
   uint64_t v64;
   switch (op->code) {
   case OP_1: *to = *from; return true;
   case OP_2: memcpy(to, &(uint16_t){load_be16(from)}, 2); return true;
   case OP_4: memcpy(to, &(uint32_t){load_be32(from)}, 4); return true;
   case OP_8: memcpy(to, &(uint64_t){load_be64(from)}, 8); return true;
   case OP_4_8: memcpy(to, &(uint64_t){load_be32(from)}, 8); return true;
   case OP_8_4:
      v64 = load_be64(from);
      v32 = v64 <= UINT32_MAX ? (uint32_t) v64 : UINT32_MAX;
      memcpy(to, &v32, 4);
      return true;
   case OP_IPV4: put_ipv4(to, from); return true;
   case OP_MAC: memcpy(to, from, 6); return true;
   default: return run_rare(op, from, length, c, t, rec);
   }
}

bool fc_op_run(const struct op *op, const uint8_t *from, size_t length, const struct fc_context *c,
               const ur_template_t *t, uint8_t *rec)
{
   return run_op(op, from, length, c, t, rec);
}

static bool run_ops(const struct fc_program *p, const uint8_t *record, const struct fc_layout *layout,
                    const struct fc_context *c, const ur_template_t *t, uint8_t *rec)
{
   for (const struct op *op = p->ops, *end = op + p->n_ops; op < end; op++) {
      size_t length;
      const uint8_t *from = fc_op_source(op, record, layout, &length);
      if (op->unless_zero && op->code < OP_TEXT && fc_is_zero(from, length)) {
         continue;
      }
      if (__builtin_expect(op->code >= OP_LIST, 0)) {
         if (op->code == OP_LIST && !fc_list_read(p, op->kind, from, length, c, rec)) {
            return false;
         }
      } else if (!run_op(op, from, length, c, t, rec)) {
         return false;
      }
   }
   return true;
}

static void put_internal(const struct fc_program *p, const struct fc_context *c, uint8_t *rec)
{
   for (unsigned i = 0; i < p->n_internal; i++) {
      const struct fc_format_field *f = &p->format->fields[p->internal[i]];
      switch (f->internal) {
      case FC_LINK: memcpy(rec + f->offset, &c->link, 8); break;
      case FC_DIRECTION: rec[f->offset] = c->direction; break;
      case FC_DOMAIN: memcpy(rec + f->offset, &c->domain, 4); break;
      case FC_EXPORTER: memcpy(rec + f->offset, c->exporter, 16); break;
      case FC_RATE: memcpy(rec + f->offset, &(uint32_t){c->rate > 0 ? c->rate : 1}, 4); break;
      default: break;
      }
   }
}

static void multiply(const struct fc_program *p, uint32_t rate, uint8_t *rec)
{
   for (unsigned i = 0; i < p->n_counters; i++) {
      uint64_t v = 0;
      memcpy(&v, rec + p->counters[i].to, p->counters[i].size);
      if (__builtin_mul_overflow(v, rate, &v)) {
         v = UINT64_MAX;
      }
      put_number(rec + p->counters[i].to, v, p->counters[i].size);
   }
}

static void derive_time(const struct fc_program *p, const struct fc_facts *facts, uint8_t *rec)
{
   ur_time_t first, last;
   memcpy(&first, rec + p->first, 8);
   memcpy(&last, rec + p->last, 8);
   int64_t us = (facts->present >> FACT_DURATION_US & 1) != 0
                    ? (int64_t) (facts->value[FACT_DURATION_US] & UINT32_MAX)
                : (facts->present >> FACT_DURATION_MS & 1) != 0
                    ? (int64_t) (facts->value[FACT_DURATION_MS] & UINT32_MAX) * 1000
                    : 0;
   if (last == 0) {
      last = shift_us(first, us);
      memcpy(rec + p->last, &last, 8);
   } else if (first == 0) {
      first = shift_us(last, -us);
      memcpy(rec + p->first, &first, 8);
   }
}

static void swap_fields(const struct fc_format *f, const char *a, const char *b, uint8_t *rec)
{
   int i = fc_format_find(f, a), k = fc_format_find(f, b);
   if (i >= 0 && k >= 0 && f->fields[i].type == f->fields[k].type &&
       ur_field_type_size[f->fields[i].type] > 0) {
      uint8_t value[16];
      size_t size = (size_t) ur_field_type_size[f->fields[i].type];
      memcpy(value, rec + f->fields[i].offset, size);
      memcpy(rec + f->fields[i].offset, rec + f->fields[k].offset, size);
      memcpy(rec + f->fields[k].offset, value, size);
   }
}

/* The record's source is who answered. */
static void turn_round(const struct fc_format *f, uint8_t *rec)
{
   static const char *const pairs[][2] = {{"SRC_IP", "DST_IP"},   {"SRC_PORT", "DST_PORT"},
                                          {"SRC_MAC", "DST_MAC"}, {"PACKETS", "PACKETS_REV"},
                                          {"BYTES", "BYTES_REV"}, {"TCP_FLAGS", "TCP_FLAGS_REV"}};
   for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
      swap_fields(f, pairs[i][0], pairs[i][1], rec);
   }
}

static bool has_lists(const struct fc_program *p)
{
   for (unsigned i = 0; i < p->n_lists; i++) {
      if (fc_listed[p->lists[i]] == 0) {
         return false;
      }
   }
   return true;
}

size_t fc_program_run(const struct fc_program *p, const uint8_t *record, const struct fc_layout *layout,
                      const struct fc_context *c, const struct fc_facts *facts, void *room)
{
   const ur_template_t *t = p->format->tmplt;
   uint8_t *rec = room;
   memset(rec, 0, t->static_size);
   if (p->reads_lists) {
      memset(fc_listed, 0, p->format->n);
   }
   if (!run_ops(p, record, layout, c, t, rec)) {
      return 0;
   }
   if (!has_lists(p)) {
      return FC_PROGRAM_LACKS;
   }
   if (p->n_internal > 0) {
      put_internal(p, c, rec);
   }
   if (c->apply_rate && c->rate > 1) {
      multiply(p, c->rate, rec);
   }
   if (p->first >= 0) {
      derive_time(p, facts, rec);
   }
   if (p->swap && (facts->present >> FACT_BIFLOW & 1) != 0 && facts->value[FACT_BIFLOW] == 2 &&
       fc_format_find(p->format, "PACKETS_REV") >= 0) {
      turn_round(p->format, rec);
   }
   return t->first_dynamic == UR_NO_DYNAMIC_VALUES ? t->static_size : (size_t) ur_rec_size(t, rec);
}
