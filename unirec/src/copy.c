/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Copying the common fields of records of different templates.
 *
 * Which bytes to copy depends on the two templates only: this copy plan is made once and kept with the destination's
 * template. Plans are added with a compare-and-swap and live as long as the template, so that threads that share
 * templates need no lock.
 */
#include "template.h"

void plans_free(struct template *tmplt)
{
   struct copy_plan *next;
   for (struct copy_plan *p = tmplt->plans; p != NULL; p = next) {
      next = p->next;
      free(p);
   }
}

static int n_dynamic(const ur_template_t *t)
{
   return t->first_dynamic == UR_NO_DYNAMIC_VALUES ? 0 : t->count - t->first_dynamic;
}

static int index_of_var(const ur_template_t *t, int id)
{
   return (t->offset[id] - (t->static_size - 4 * n_dynamic(t))) / 4;
}

/* Fixed-length fields that are adjacent in both records are copied as one span. */
static void add_span(struct copy_plan *p, uint16_t to, uint16_t from, uint16_t size)
{
   struct copy_span *last = p->n_spans > 0 ? &p->spans[p->n_spans - 1] : NULL;
   if (last != NULL && last->to + last->size == to && last->from + last->size == from) {
      last->size = (uint16_t) (last->size + size);
   } else {
      p->spans[p->n_spans++] = (struct copy_span){to, from, size};
   }
}

static struct copy_plan *make_plan(const ur_template_t *d, const ur_template_t *s, uint64_t source)
{
   int vars = n_dynamic(d), fixed = d->count - vars;
   struct copy_plan *p = malloc(sizeof(*p) + (size_t) fixed * sizeof(struct copy_span) + (size_t) vars * 2);
   if (p == NULL) {
      return NULL;
   }
   memset(p, 0, sizeof(*p));
   p->source = source;
   p->spans = (struct copy_span *) (p + 1);
   p->vars = (int16_t *) (p->spans + fixed);
   p->n_vars = (uint16_t) vars;
   p->all_var = true;
   for (int i = 0; i < d->count; i++) {
      int id = d->ids[i];
      bool present = ur_is_present(s, id);
      if (i < fixed && present) {
         add_span(p, d->offset[id], s->offset[id], (uint16_t) ur_get_size(id));
      } else if (i >= fixed) {
         p->vars[i - fixed] = present ? (int16_t) index_of_var(s, id) : -1;
         p->all_var &= present;
      }
   }
   return p;
}

/* \param[out] own true: the caller has to free the plan */
static struct copy_plan *find_plan(const ur_template_t *dt, const ur_template_t *st, bool *own)
{
   struct template *d = (struct template *) (uintptr_t) dt;
   uint64_t source = ((const struct template *) st)->serial;
   int n = 0;
   struct copy_plan *head = __atomic_load_n(&d->plans, __ATOMIC_ACQUIRE);
   *own = false;
   for (struct copy_plan *p = head; p != NULL; p = p->next, n++) {
      if (p->source == source) {
         return p;
      }
   }
   struct copy_plan *p = make_plan(dt, st, source);
   if (p == NULL || n >= MAX_PLANS) {
      *own = true;
      return p;
   }
   p->next = head;
   while (!__atomic_compare_exchange_n(&d->plans, &p->next, p, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
   }
   return p;
}

/* All variable-length fields come from the source: written one after the other. */
static int copy_all_vars(const struct copy_plan *p, const ur_template_t *dt, void *dst, uint32_t limit,
                         const ur_template_t *st, const void *src)
{
   int n;
   ur_u_uint16_t *to = descriptors(dt, dst, &n);
   const ur_u_uint16_t *from = descriptors(st, src, &n);
   char *data = UR_AT_(dst, dt->static_size);
   const char *source = UR_AT_(src, st->static_size);
   uint32_t at = 0, room = limit - dt->static_size;
   int rc = UR_OK;
   for (int i = 0; i < p->n_vars; i++) {
      const ur_u_uint16_t *d = from + 2 * p->vars[i];
      uint16_t length = d[1];
      if (at + length > room) {
         length = 0;
         rc = UR_E_TOO_LONG;
      }
      to[2 * i] = (uint16_t) at;
      to[2 * i + 1] = length;
      memcpy(data + at, source + d[0], length);
      at += length;
   }
   return rc;
}

static int copy_some_vars(const struct copy_plan *p, const ur_template_t *dt, void *dst, uint32_t limit,
                          const ur_template_t *st, const void *src)
{
   int n;
   const ur_u_uint16_t *from = descriptors(st, src, &n);
   const char *source = UR_AT_(src, st->static_size);
   int rc = UR_OK;
   for (int i = 0; i < p->n_vars; i++) {
      if (p->vars[i] >= 0) {
         const ur_u_uint16_t *d = from + 2 * p->vars[i];
         int set = set_var_within(dt, dst, limit, dt->ids[dt->first_dynamic + i], source + d[0], d[1]);
         rc = set != UR_OK ? set : rc;
      }
   }
   return rc;
}

int copy_fields_within(const ur_template_t *dt, void *dst, uint32_t limit, const ur_template_t *st,
                       const void *src)
{
   bool own = false;
   if (dt == st) {
      size_t size = (size_t) ur_rec_size(st, src);
      if (size > limit) {
         return UR_E_TOO_LONG;
      }
      memcpy(dst, src, size);
      return UR_OK;
   }
   struct copy_plan *p = find_plan(dt, st, &own);
   if (p == NULL) {
      return UR_E_MEMORY;
   }
   for (int i = 0; i < p->n_spans; i++) {
      const struct copy_span *span = &p->spans[i];
      memcpy(UR_AT_(dst, span->to), UR_AT_(src, span->from), span->size);
   }
   int rc = UR_OK;
   if (p->n_vars > 0) {
      rc = (p->all_var ? copy_all_vars : copy_some_vars)(p, dt, dst, limit, st, src);
   }
   if (own) {
      free(p);
   }
   return rc;
}

UR_PUBLIC void ur_copy_fields(const ur_template_t *dst_tmplt, void *dst, const ur_template_t *src_tmplt,
                              const void *src)
{
   copy_fields_within(dst_tmplt, dst, UR_MAX_SIZE, src_tmplt, src);
}
