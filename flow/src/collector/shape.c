/* SPDX-License-Identifier: BSD-3-Clause */
/** Where the fields of an exporter's records are, and the values that say how others are meant. */
#include "parse/bytes.h"
#include "program.h"

#include <string.h>

static const struct {
   uint16_t id;
   uint8_t fact;
} known[] = {
    {48, FACT_SAMPLER},      {302, FACT_SAMPLER},   {34, FACT_RATE},         {50, FACT_RATE},
    {305, FACT_INTERVAL},    {306, FACT_SPACE},     {309, FACT_SIZE},        {310, FACT_POPULATION},
    {311, FACT_PROBABILITY}, {160, FACT_INIT_TIME}, {10, FACT_INGRESS},      {14, FACT_EGRESS},
    {61, FACT_WAY},          {239, FACT_BIFLOW},    {161, FACT_DURATION_MS}, {162, FACT_DURATION_US}};

static void add_fact(struct fc_shape *s, const struct fc_field *f, uint16_t at)
{
   for (size_t i = 0; f->pen == 0 && i < sizeof(known) / sizeof(known[0]); i++) {
      if (known[i].id == f->id && f->length >= 1 && f->length <= 8 &&
          s->n_facts < sizeof(s->facts) / sizeof(s->facts[0])) {
         s->facts[s->n_facts].fact = known[i].fact;
         s->facts[s->n_facts].length = (uint8_t) f->length;
         s->facts[s->n_facts].segment = s->n_variable;
         s->facts[s->n_facts++].at = at;
      }
   }
}

bool fc_shape_init(struct fc_shape *s, const struct fc_field *fields, unsigned n)
{
   uint32_t total = 0, at = 0;
   memset(s, 0, sizeof(*s));
   for (unsigned i = 0; i < n; i++) {
      if (fields[i].length == FC_VARIABLE) {
         s->gaps[s->n_variable++] = (uint16_t) at;
         total += 1;
         at = 0;
      } else {
         add_fact(s, &fields[i], (uint16_t) at);
         at += fields[i].length;
         total += fields[i].length;
      }
      if (total > UINT16_MAX) {
         return false;
      }
   }
   s->gaps[s->n_variable] = (uint16_t) at;
   s->minimum = (uint16_t) total;
   return total > 0;
}

size_t fc_shape_measure(const struct fc_shape *s, const uint8_t *p, size_t left, struct fc_layout *layout)
{
   const uint8_t *begin = p, *end = p + left;
   if (left < s->minimum) {
      return 0;
   }
   if (s->n_variable == 0) {
      return s->minimum;
   }
   for (unsigned i = 0; i < s->n_variable; i++) {
      layout->begin[i] = p;
      if ((size_t) (end - p) < (size_t) s->gaps[i] + 1) {
         return 0;
      }
      p += s->gaps[i];
      size_t length = *p++;
      if (length == 255) {
         if (end - p < 2) {
            return 0;
         }
         length = load_be16(p);
         p += 2;
      }
      if ((size_t) (end - p) < length) {
         return 0;
      }
      layout->value[i] = p;
      layout->length[i] = (uint16_t) length;
      p += length;
   }
   layout->begin[s->n_variable] = p;
   if ((size_t) (end - p) < s->gaps[s->n_variable]) {
      return 0;
   }
   return (size_t) (p + s->gaps[s->n_variable] - begin);
}

void fc_shape_facts(const struct fc_shape *s, const uint8_t *p, const struct fc_layout *layout,
                    struct fc_facts *facts)
{
   facts->present = 0;
   for (unsigned i = 0; i < s->n_facts; i++) {
      const uint8_t *from = (s->n_variable == 0 ? p : layout->begin[s->facts[i].segment]) + s->facts[i].at;
      unsigned fact = s->facts[i].fact;
      if ((facts->present >> fact & 1) == 0 ||
          facts->value[fact] == 0) { /* the first one that says something */
         facts->value[fact] = load_number(from, s->facts[i].length);
         facts->present |= 1u << fact;
      }
   }
}

static bool has(const struct fc_facts *f, enum fc_fact a)
{
   return (f->present >> a & 1) != 0 && f->value[a] > 0;
}

uint32_t fc_facts_rate(const struct fc_facts *f)
{
   uint64_t rate = 0;
   if (has(f, FACT_RATE)) {
      rate = f->value[FACT_RATE];
   } else if (has(f, FACT_INTERVAL) && has(f, FACT_SPACE)) {
      rate = f->value[FACT_SPACE] / f->value[FACT_INTERVAL] + 1;
   } else if (has(f, FACT_SIZE) && has(f, FACT_POPULATION)) {
      rate = f->value[FACT_POPULATION] / f->value[FACT_SIZE];
   } else if (has(f, FACT_PROBABILITY)) {
      double p;
      memcpy(&p, &f->value[FACT_PROBABILITY], sizeof(p)); /* a float64 */
      rate = p > 1e-9 && p <= 1 ? (uint64_t) (1 / p + 0.5) : 0;
   }
   return rate <= UINT32_MAX ? (uint32_t) rate : 0;
}
