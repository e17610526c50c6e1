/* SPDX-License-Identifier: BSD-3-Clause */
/** What a module declares of its interfaces: their numbers, names and place in the help. */
#include "internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
   int min, max; /* INT_MAX: as many as -i names */
};

static struct range range_of(int min, int max)
{
   if (min == 0 && max == 0) {
      return (struct range){1, 1};
   }
   return (struct range){min, max == NM_VARIABLE ? INT_MAX : max < min ? min : max};
}

/* The short form as a list of one entry. */
void interfaces_declare(nm_module_t *m)
{
   const nm_module_def_t *def = m->def;
   int in = def->inputs != 0 ? def->inputs : def->input != NULL;
   int out = def->outputs != 0 ? def->outputs : def->output != NULL;
   if (in != 0) {
      m->short_in[0] =
          (nm_input_def_t){.name = "", .fields = def->input, .min = in == NM_VARIABLE ? 0 : in, .max = in};
   }
   if (out != 0) {
      m->short_out[0] = (nm_output_def_t){.name = "",
                                          .fields = def->output,
                                          .timeout = def->send_timeout,
                                          .min = out == NM_VARIABLE ? 0 : out,
                                          .max = out};
   }
   m->in_defs = def->in != NULL ? def->in : m->short_in;
   m->out_defs = def->out != NULL ? def->out : m->short_out;
}

static struct range inputs_range(const nm_module_t *m)
{
   struct range sum = {0, 0};
   for (const nm_input_def_t *d = m->in_defs; d->name != NULL; d++) {
      struct range r = range_of(d->min, d->max);
      sum.min += r.min;
      sum.max = r.max == INT_MAX ? INT_MAX : sum.max + r.max;
   }
   return sum;
}

static struct range outputs_range(const nm_module_t *m)
{
   struct range sum = {0, 0};
   for (const nm_output_def_t *d = m->out_defs; d->name != NULL; d++) {
      struct range r = range_of(d->min, d->max);
      sum.min += r.min;
      sum.max = r.max == INT_MAX ? INT_MAX : sum.max + r.max;
   }
   return sum;
}

void interfaces_range(const nm_module_t *m, int *in, int *out)
{
   struct range i = inputs_range(m), o = outputs_range(m);
   *in = i.min == i.max ? i.min : NM_VARIABLE;
   *out = o.min == o.max ? o.min : NM_VARIABLE;
   if (*in == NM_VARIABLE && *out == NM_VARIABLE) {
      abort(); /* a mistake in the module's source, seen at its first start */
   }
}

static void put_range(FILE *f, struct range r)
{
   if (r.max == INT_MAX) {
      fprintf(f, "%d or more", r.min);
   } else if (r.min != r.max) {
      fprintf(f, "%d to %d", r.min, r.max);
   } else {
      fprintf(f, "%d", r.min);
   }
}

/* The name of an entry, and how many of it there are if not one. */
static void put_name(FILE *f, const char *name, struct range r)
{
   fputs(name, f);
   if (r.min != 1 || r.max != 1) {
      fputs(" (", f);
      put_range(f, r);
      fputc(')', f);
   }
}

/* "2 inputs (flows, names) and then 1 output (alerts)" */
static void put_expected(FILE *f, const nm_module_t *m)
{
   struct range in = inputs_range(m), out = outputs_range(m);
   const char *before = " (";
   put_range(f, in);
   fputs(in.min == 1 && in.max == 1 ? " input" : " inputs", f);
   for (const nm_input_def_t *d = m->in_defs; d->name != NULL && *d->name != 0; d++, before = ", ") {
      fputs(before, f);
      put_name(f, d->name, range_of(d->min, d->max));
   }
   fputs(*before == ',' ? ") and then " : " and then ", f);
   before = " (";
   put_range(f, out);
   fputs(out.min == 1 && out.max == 1 ? " output" : " outputs", f);
   for (const nm_output_def_t *d = m->out_defs; d->name != NULL && *d->name != 0; d++, before = ", ") {
      fputs(before, f);
      put_name(f, d->name, range_of(d->min, d->max));
   }
   fputs(*before == ',' ? ")" : "", f);
}

static int wrong_number(nm_module_t *m, size_t n)
{
   char *text = NULL;
   size_t size = 0;
   FILE *f = open_memstream(&text, &size);
   int status = m->def->interface_status != 0 ? m->def->interface_status : EXIT_FAILURE;
   if (f == NULL) {
      return nm_fail_status(m, status, "out of memory");
   }
   put_expected(f, m);
   fclose(f);
   int rc = nm_fail_status(m, status, "-i has %zu interface%s, expected %s.", n, n == 1 ? "" : "s", text);
   free(text);
   return rc;
}

int interfaces_count(nm_module_t *m, size_t n)
{
   struct range in = inputs_range(m), out = outputs_range(m);
   bool fixed_in = in.min == in.max;
   size_t fixed = (size_t) (fixed_in ? in.min : out.min), rest = n - fixed;
   struct range other = fixed_in ? out : in;
   if (n < fixed || rest < (size_t) other.min || rest > (size_t) other.max) {
      return wrong_number(m, n);
   }
   m->n_in = (uint32_t) (fixed_in ? fixed : rest);
   m->n_out = (uint32_t) (fixed_in ? rest : fixed);
   if (m->n_in > MAX_INTERFACES || m->n_out > MAX_INTERFACES) {
      int status = m->def->interface_status != 0 ? m->def->interface_status : EXIT_FAILURE;
      return nm_fail_status(m, status,
                            "option -i: %zu interfaces: at most %d inputs and %d outputs are possible", n,
                            MAX_INTERFACES, MAX_INTERFACES);
   }
   return NM_OK;
}

/* "flows", or "flows 2" where several share the entry, of which k is the number; in the short form the index. */
static void make_name(char *name, size_t size, const char *entry, struct range r, uint32_t k)
{
   if (*entry == 0) {
      snprintf(name, size, "%u", k);
   } else if (r.max > 1) {
      snprintf(name, size, "%s %u", entry, k + 1);
   } else {
      snprintf(name, size, "%s", entry);
   }
}

const nm_input_def_t *interfaces_input(const nm_module_t *m, uint32_t i, char *name, size_t size)
{
   const nm_input_def_t *d = m->in_defs;
   uint32_t first = 0;
   /* The last entry takes all that is left. */
   for (; (d + 1)->name != NULL && i >= first + (uint32_t) range_of(d->min, d->max).max; d++) {
      first += (uint32_t) range_of(d->min, d->max).max;
   }
   make_name(name, size, d->name, range_of(d->min, d->max), i - first);
   return d;
}

const nm_output_def_t *interfaces_output(const nm_module_t *m, uint32_t i, char *name, size_t size)
{
   const nm_output_def_t *d = m->out_defs;
   uint32_t first = 0;
   for (; (d + 1)->name != NULL && i >= first + (uint32_t) range_of(d->min, d->max).max; d++) {
      first += (uint32_t) range_of(d->min, d->max).max;
   }
   make_name(name, size, d->name, range_of(d->min, d->max), i - first);
   return d;
}

/* A blank after each comma, so that the lines of the help can be broken. */
static void put_fields(FILE *f, const char *fields)
{
   for (const char *p = fields; *p != 0; p++) {
      fputc(*p, f);
      if (*p == ',' && p[1] != ' ') {
         fputc(' ', f);
      }
   }
}

static void put_input(FILE *f, const nm_input_def_t *d)
{
   fputs(*d->name != 0 ? "\nInput " : "\nInput", f);
   put_name(f, d->name, range_of(d->min, d->max));
   fputs(": ", f);
   if (d->data != NM_UNIREC) {
      fputs(d->data == NM_JSON  ? "JSON texts"
            : d->data == NM_ANY ? "UniRec records of any format, or JSON texts"
                                : "any bytes",
            f);
   } else if (d->fields == NULL || *d->fields == 0) {
      fputs("UniRec records of any format", f);
   } else {
      put_fields(f, d->fields);
   }
   if (d->optional != NULL) {
      fputs("; optional: ", f);
      put_fields(f, d->optional);
   }
}

static void put_output(FILE *f, const nm_module_t *m, const nm_output_def_t *d)
{
   bool own = d->fields != NULL && *d->fields != 0;
   fputs(*d->name != 0 ? "\nOutput " : "\nOutput", f);
   put_name(f, d->name, range_of(d->min, d->max));
   fputs(": ", f);
   if (d->data != NM_UNIREC) {
      fputs(d->data == NM_JSON ? "JSON texts" : "bytes", f);
   } else if (d->format == NM_FOLLOW) {
      const char *name = m->in_defs[0].name; /* an output may follow one of many of the last entry */
      for (const nm_input_def_t *i = m->in_defs; i->name != NULL && i <= m->in_defs + d->input; i++) {
         name = i->name;
      }
      fprintf(f, "the fields of input%s%s%s", *name != 0 ? " " : "", name, own ? " and " : "");
   } else if (d->format == NM_UNION) {
      fprintf(f, "the fields of all inputs%s", own ? " and " : "");
   } else if (!own) {
      fputs("UniRec records, depending on the options", f);
   }
   if (own && d->data == NM_UNIREC) {
      put_fields(f, d->fields);
   }
   /* Those of a word are many, and the option that it belongs to says more of them. */
   for (const nm_added_t *a = d->added; own && a != NULL && a->fields != NULL && a->word == NULL; a++) {
      fputs("; depending on the options: ", f);
      put_fields(f, a->fields + (*a->fields == ','));
   }
}

static const char *data_name(enum nm_data data)
{
   return data == NM_UNIREC ? "unirec" : data == NM_JSON ? "json" : data == NM_RAW ? "raw" : "any";
}

/* "name": "flows", "min": 1, "data": "unirec". Without "max" there is no limit. Names and fields need no escapes. */
static void print_common(const char *name, struct range r, enum nm_data data, const char *fields)
{
   printf("\"name\": \"%s\", \"min\": %d, ", name, r.min);
   if (r.max != INT_MAX) {
      printf("\"max\": %d, ", r.max);
   }
   printf("\"data\": \"%s\"", data_name(data));
   if (fields != NULL && *fields != 0) {
      printf(", \"fields\": \"%s\"", fields);
   }
}

static void print_output(const nm_output_def_t *d)
{
   static const char *const formats[] = {"fixed", "follow", "union", "chosen"};
   print_common(d->name, range_of(d->min, d->max), d->data, d->fields);
   printf(", \"format\": \"%s\", \"input\": %u, \"added\": [", formats[d->format], d->input);
   for (const nm_added_t *a = d->added; a != NULL && a->fields != NULL; a++) {
      printf("%s{\"fields\": \"%s\"", a != d->added ? ", " : "", a->fields + (*a->fields == ','));
      if (a->word != NULL) {
         printf(", \"word\": \"%s\"", a->word);
      }
      printf("}");
   }
   printf("]");
}

void interfaces_print(const nm_module_t *m)
{
   printf("{\"inputs\": [");
   for (const nm_input_def_t *d = m->in_defs; d->name != NULL; d++) {
      printf(d != m->in_defs ? ", {" : "{");
      print_common(d->name, range_of(d->min, d->max), d->data, d->fields);
      if (d->optional != NULL) {
         printf(", \"optional\": \"%s\"", d->optional);
      }
      printf("}");
   }
   printf("], \"outputs\": [");
   for (const nm_output_def_t *d = m->out_defs; d->name != NULL; d++) {
      printf(d != m->out_defs ? ", {" : "{");
      print_output(d);
      printf("}");
   }
   printf("]}\n");
}

char *interfaces_help(const nm_module_t *m)
{
   char *text = NULL;
   size_t size = 0;
   FILE *f = open_memstream(&text, &size);
   if (f == NULL) {
      return NULL;
   }
   fprintf(f, "%s\n", m->def->summary);
   for (const nm_input_def_t *d = m->in_defs; d->name != NULL; d++) {
      put_input(f, d);
   }
   for (const nm_output_def_t *d = m->out_defs; d->name != NULL; d++) {
      put_output(f, m, d);
   }
   fclose(f);
   return text;
}
