/* SPDX-License-Identifier: BSD-3-Clause */
/** Data records: of flows, which go to the outputs, and of options, which say how to read them. */
#include "parse/bytes.h"
#include "state.h"

void malformed(struct message *m)
{
   fc_add(&m->d->counters[FC_DROP_MALFORMED], 1);
   fc_add(&m->exporter->malformed, 1);
   m->unsure = true;
}

/* --------------------------------------------------------------------- options */

static void keep_sampler(struct domain *d, uint64_t id, uint32_t rate)
{
   unsigned i = 0;
   while (i < d->n_samplers && i < MAX_SAMPLERS && d->samplers[i].id != id) {
      i++;
   }
   if (i == d->n_samplers || i == MAX_SAMPLERS) {
      i = d->n_samplers++ % MAX_SAMPLERS;
   }
   d->samplers[i].id = id;
   d->samplers[i].rate = rate;
}

static void read_options(struct message *m, const struct fc_facts *f)
{
   uint32_t rate = fc_facts_rate(f);
   if (rate > 0 && (f->present >> FACT_SAMPLER & 1) != 0) {
      keep_sampler(m->domain, f->value[FACT_SAMPLER], rate);
   } else if (rate > 0) {
      m->domain->rate = rate;
   }
   if ((f->present >> FACT_INIT_TIME & 1) != 0) {
      m->domain->init_time = f->value[FACT_INIT_TIME];
      m->context.init_time = f->value[FACT_INIT_TIME];
   }
}

/* The rate that a flow's packets were sampled at: what the record says, or its sampler, or the domain's, or the option. */
static uint32_t rate_of(const struct message *m, const struct fc_facts *f)
{
   uint32_t rate = f->present != 0 ? fc_facts_rate(f) : 0;
   const struct domain *d = m->domain;
   if (rate == 0 && (f->present >> FACT_SAMPLER & 1) != 0) {
      for (unsigned i = 0; i < d->n_samplers && i < MAX_SAMPLERS && rate == 0; i++) {
         rate = d->samplers[i].id == f->value[FACT_SAMPLER] ? d->samplers[i].rate : 0;
      }
   }
   if (rate == 0) {
      rate = d->rate != 0 ? d->rate : m->d->config.default_rate;
   }
   return rate;
}

/* ----------------------------------------------------------------------- flows */

/* The template of records in a list; its programs are those of all templates, so it may also have records of its own. */
static bool find_of_list(void *decoder, uint16_t id, const struct fc_shape **shape,
                         const struct fc_program **program)
{
   const struct fc_decoder *d = decoder;
   const struct template *t = find_template(d->list_message, id);
   if (t == NULL || t->options) {
      return false;
   }
   *shape = t->shape;
   *program = t->programs[d->list_output];
   return true;
}

static void convert(struct message *m, const struct template *t, const uint8_t *p,
                    const struct fc_layout *layout, const struct fc_facts *facts)
{
   struct fc_decoder *d = m->d;
   for (unsigned i = 0; i < d->config.n_outputs; i++) {
      const struct fc_program *program = t->programs[i];
      if (__builtin_expect(fc_program_lacks(program) != NULL, 0)) {
         fc_add(&d->counters[FC_DROP_MANDATORY], 1);
         d->lacks[i] = fc_program_lacks(program);
         continue;
      }
      const ur_template_t *tmplt = d->config.formats[i]->tmplt;
      size_t most = tmplt->first_dynamic == UR_NO_DYNAMIC_VALUES ? tmplt->static_size : UR_MAX_SIZE;
      void *room = d->config.sink.begin(d->config.sink.context, i, most);
      if (room == NULL) {
         continue; /* the output counts it */
      }
      d->list_output = i;
      size_t size = fc_program_run(program, p, layout, &m->context, facts, room);
      if (size == 0 || size == FC_PROGRAM_LACKS) {
         fc_add(&d->counters[size == 0 ? FC_DROP_SIZE : FC_DROP_MANDATORY], 1);
         continue;
      }
      d->config.sink.end(d->config.sink.context, i, room, size);
      fc_add(&d->counters[FC_SENT], 1);
      d->sent[i]++;
   }
}

static bool only_zeros(const uint8_t *p, size_t n)
{
   while (n > 0 && *p == 0) {
      p++;
      n--;
   }
   return n == 0;
}

void read_records(struct message *m, const struct template *t, const uint8_t *p, size_t size)
{
   struct fc_decoder *d = m->d;
   struct fc_layout *layout = t->shape->n_variable > 0 ? &d->layout : NULL;
   struct fc_facts facts;
   uint32_t n = 0;
   facts.present = 0;
   d->lists = (struct fc_sublists){.context = d, .find = find_of_list};
   d->list_message = m;
   m->context.lists = &d->lists;
   m->context.rate = rate_of(m, &facts);
   while (size >= t->shape->minimum) {
      if (size < 4 && only_zeros(p, size)) {
         break; /* padding, although it would be a record */
      }
      size_t length = fc_shape_measure(t->shape, p, size, layout);
      if (length == 0) {
         malformed(m);
         break;
      }
      if (t->shape->n_facts > 0) {
         fc_shape_facts(t->shape, p, layout, &facts);
         if (!t->options) {
            m->context.rate = rate_of(m, &facts);
         }
      }
      if (t->options) {
         read_options(m, &facts);
      } else {
         if (d->config.link_of != NULL) {
            d->config.link_of(d->config.link_context, m->peer, &facts, &m->context);
         }
         convert(m, t, p, layout, &facts);
      }
      p += length;
      size -= length;
      n++;
   }
   m->records += n;
   fc_add(&d->counters[FC_LISTS_PASSED], d->lists.passed_over);
   fc_add(&d->counters[t->options ? FC_OPTIONS : FC_RECORDS], n);
   fc_add(&m->exporter->records, t->options ? 0 : n);
}
