/* SPDX-License-Identifier: BSD-3-Clause */
/** Templates: read, compiled, kept, withdrawn. */
#include "parse/bytes.h"
#include "state.h"

#include <stdlib.h>

#define ENTERPRISE 0x8000

/* ----------------------------------------------------------------------- lists */

static void unlink_template(struct template *t)
{
   struct exporter *e = t->exporter;
   *(t->newer != NULL ? &t->newer->older : &e->newest) = t->older;
   *(t->older != NULL ? &t->older->newer : &e->oldest) = t->newer;
   e->n_templates--;
   t->exporter = NULL;
}

static void link_template(struct template *t, struct exporter *e)
{
   t->exporter = e;
   t->newer = NULL;
   t->older = e->newest;
   *(e->newest != NULL ? &e->newest->newer : &e->oldest) = t;
   e->newest = t;
   e->n_templates++;
}

void free_template(struct template *t)
{
   for (unsigned i = 0; i < FC_MAX_OUTPUTS; i++) {
      fc_program_free(t->programs[i]);
      t->programs[i] = NULL;
   }
   free(t->shape);
   free(t->definition);
   t->shape = NULL;
   t->definition = NULL;
}

static void remove_template(struct fc_decoder *d, struct template *t)
{
   unlink_template(t);
   free_template(t);
   nc_table_remove_value(d->templates, t);
}

void template_evicted(void *decoder, const void *key, void *value)
{
   struct fc_decoder *d = decoder;
   struct template *t = value;
   (void) key;
   if (t->exporter != NULL) {
      unlink_template(t);
   }
   free_template(t);
   fc_add(&d->counters[FC_TEMPLATES_EVICTED], 1);
}

/* Its templates go with it, for nothing could find them any more. */
void exporter_evicted(void *decoder, const void *key, void *value)
{
   struct fc_decoder *d = decoder;
   struct exporter *e = value;
   (void) key;
   while (e->oldest != NULL) {
      remove_template(d, e->oldest);
   }
   if (d->last_exporter == e) {
      d->last_exporter = NULL;
   }
   fc_add(&d->counters[FC_EXPORTERS_EVICTED], 1);
}

/* --------------------------------------------------------------------- compile */

static bool compile(struct fc_decoder *d, struct template *t, const struct fc_field *fields, unsigned n)
{
   t->shape = malloc(sizeof(*t->shape));
   bool good = t->shape != NULL && fc_shape_init(t->shape, fields, n);
   for (unsigned i = 0; good && !t->options && i < d->config.n_outputs; i++) {
      t->programs[i] = fc_program_new(d->config.elements, d->config.formats[i], fields, n);
      good = t->programs[i] != NULL;
   }
   return good;
}

struct template *make_template(struct fc_decoder *d, const struct fc_field *fields, unsigned n, bool options,
                               const uint8_t *definition, size_t size)
{
   struct template *t = calloc(1, sizeof(*t));
   if (t == NULL) {
      return NULL;
   }
   t->options = options;
   if (size > 0 && (t->definition = malloc(size)) != NULL) {
      memcpy(t->definition, definition, size);
      t->definition_size = (uint32_t) size;
   }
   if ((size > 0 && t->definition == NULL) || !compile(d, t, fields, n)) {
      free_template(t);
      free(t);
      return NULL;
   }
   return t;
}

/* ------------------------------------------------------------------------ keep */

struct template *find_template(struct message *m, uint16_t id)
{
   struct template_key key = {.domain = m->domain->uid, .id = id};
   struct template *t = nc_table_find(m->d->templates, &key);
   if (t != NULL && m->exporter->newest != t) {
      unlink_template(t);
      link_template(t, m->exporter);
   }
   return t;
}

static void withdraw(struct message *m, uint16_t id)
{
   struct template_key key = {.domain = m->domain->uid, .id = id};
   struct template *t = nc_table_peek(m->d->templates, &key);
   if (t != NULL) {
      remove_template(m->d, t);
      fc_add(&m->d->counters[FC_WITHDRAWN], 1);
   }
}

/* All templates, or all options templates, of the domain. */
static void withdraw_all(struct message *m, bool options)
{
   for (struct template *t = m->exporter->oldest, *next; t != NULL; t = next) {
      const struct template_key *key = nc_table_key(m->d->templates, t);
      next = t->newer;
      if (key->domain == m->domain->uid && t->options == options) {
         remove_template(m->d, t);
         fc_add(&m->d->counters[FC_WITHDRAWN], 1);
      }
   }
}

static void keep(struct message *m, uint16_t id, const struct fc_field *fields, unsigned n, bool options,
                 const uint8_t *definition, size_t size)
{
   struct fc_decoder *d = m->d;
   struct template_key key = {.domain = m->domain->uid, .id = id};
   struct template *old = nc_table_peek(d->templates, &key);
   if (old != NULL && old->options == options && old->definition_size == size &&
       memcmp(old->definition, definition, size) == 0) {
      find_template(m, id);
      return;
   }
   struct template *t = make_template(d, fields, n, options, definition, size);
   if (old != NULL) {
      remove_template(d, old);
   }
   if (t == NULL) {
      malformed(m);
      return;
   }
   if (m->exporter->n_templates >= d->config.max_templates_per_exporter) {
      remove_template(d, m->exporter->oldest);
      fc_add(&d->counters[FC_TEMPLATES_EVICTED], 1);
   }
   struct template *place = nc_table_upsert(d->templates, &key, NULL);
   *place = *t;
   free(t);
   link_template(place, m->exporter);
   fc_add(&d->counters[FC_TEMPLATES], 1);
   waiting_read(m, id, place);
}

/* ------------------------------------------------------------------------ read */

struct reader {
   const uint8_t *p, *end;
};

/* Reads n field specifiers. Those beyond what a template may have are passed over. \return false: they do not fit */
static bool read_fields(struct reader *r, unsigned n, bool ipfix, struct fc_field *fields)
{
   for (unsigned i = 0; i < n; i++) {
      struct fc_field f = {0};
      if (r->end - r->p < 4) {
         return false;
      }
      f.id = load_be16(r->p);
      f.length = load_be16(r->p + 2);
      r->p += 4;
      if (ipfix && (f.id & ENTERPRISE) != 0) {
         if (r->end - r->p < 4) {
            return false;
         }
         f.id &= ENTERPRISE - 1;
         f.pen = load_be32(r->p);
         r->p += 4;
      }
      if (i < FC_TEMPLATE_FIELDS) {
         fields[i] = f;
      }
   }
   return true;
}

/* \return false: the rest of the set makes no sense */
static bool read_template(struct message *m, struct reader *r, bool options)
{
   struct fc_field fields[FC_TEMPLATE_FIELDS];
   const uint8_t *begin = r->p;
   bool ipfix = m->version == 10;
   uint16_t id = load_be16(r->p);
   unsigned n = load_be16(r->p + 2);
   r->p += 4;
   if (ipfix && n == 0) { /* a withdrawal has no count of scope fields */
      if (id == 2 || id == 3) {
         withdraw_all(m, id == 3);
      } else if (id >= 256) {
         withdraw(m, id);
      }
      return true;
   }
   if (options) {
      if (r->end - r->p < 2) {
         return false;
      }
      if (!ipfix) { /* lengths in bytes: of the scope fields, of the others */
         n = n / 4 + load_be16(r->p) / 4;
      }
      r->p += 2;
   }
   if (id < 256 || n == 0 || !read_fields(r, n, ipfix, fields)) {
      return false;
   }
   if (n > FC_TEMPLATE_FIELDS) {
      fc_add(&m->d->counters[FC_DROP_LIMIT], 1);
      withdraw(m, id);
      return true;
   }
   keep(m, id, fields, n, options, begin, (size_t) (r->p - begin));
   return true;
}

void read_templates(struct message *m, const uint8_t *p, size_t size, bool options)
{
   struct reader r = {p, p + size};
   while (r.end - r.p >= 4) {
      if (load_be16(r.p) == 0) { /* padding */
         return;
      }
      if (!read_template(m, &r, options)) {
         malformed(m);
         return;
      }
   }
}
