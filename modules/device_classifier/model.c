/* SPDX-License-Identifier: BSD-3-Clause */
#include "model.h"

#include <libsvm/svm.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DEGREE 32
#define BLANKS      " \t\r"

/* svm_predict() does not change a model, but its interface has no const for what a model points to. */
struct model {
   struct svm_model svm;
   struct svm_node *nodes;
   double rho, *coefficients;
   double *rows[1]; /* sv_coef of two classes */
   int labels[2], counts[2];
};

/* What is being read. */
struct reader {
   char *text, *at, *end;
   unsigned line;
   unsigned seen; /* bits of enum key */
   char *why;
};

enum key {
   SVM_TYPE,
   KERNEL,
   DEGREE,
   GAMMA,
   COEF0,
   CLASSES,
   VECTORS,
   RHO,
   LABELS,
   COUNTS,
   PROB_A,
   PROB_B,
   SV,
   KEYS
};
static const char *const keys[KEYS] = {"svm_type", "kernel_type", "degree", "gamma", "coef0",
                                       "nr_class", "total_sv",    "rho",    "label", "nr_sv",
                                       "probA",    "probB",       "SV"};

static bool fail(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct reader *r, const char *format, ...)
{
   va_list list;
   int n = snprintf(r->why, MODEL_WHY, "line %u: ", r->line);
   va_start(list, format);
   vsnprintf(r->why + n, MODEL_WHY - (size_t) n, format, list);
   va_end(list);
   return false;
}

/* The next line, ended with NUL. NULL: no more */
static char *next_line(struct reader *r)
{
   char *line = r->at;
   if (line == r->end) {
      return NULL;
   }
   char *newline = memchr(line, '\n', (size_t) (r->end - line));
   char *stop = newline != NULL ? newline : r->end;
   *stop = 0;
   r->at = newline != NULL ? newline + 1 : r->end;
   r->line++;
   return line;
}

static char *next_word(char **line)
{
   char *word = *line + strspn(*line, BLANKS);
   char *end = word + strcspn(word, BLANKS);
   *line = *end != 0 ? end + 1 : end;
   *end = 0;
   return word;
}

static bool to_double(const char *word, double *value)
{
   char *end;
   *value = strtod(word, &end);
   return *word != 0 && *end == 0 && isfinite(*value);
}

static bool to_int(const char *word, long low, long high, int *value)
{
   char *end;
   long n = strtol(word, &end, 10);
   *value = (int) n;
   return *word != 0 && *end == 0 && n >= low && n <= high;
}

/* -------------------------------------------------------------------- the header */

static bool read_choice(struct reader *r, const char *what, const char *word, const char *const *choices,
                        int *value)
{
   for (*value = 0; choices[*value] != NULL; ++*value) {
      if (strcmp(word, choices[*value]) == 0) {
         return true;
      }
   }
   return fail(r, "%s: \"%.32s\" is not supported, expected %s, ...", what, word, choices[0]);
}

static bool read_value(struct reader *r, struct model *m, enum key key, char *line)
{
   static const char *const types[] = {"c_svc", "nu_svc", NULL};
   static const char *const kernels[] = {"linear", "polynomial", "rbf", "sigmoid", NULL};
   struct svm_parameter *p = &m->svm.param;
   const char *word = next_word(&line);
   bool good = true;
   switch (key) {
   case SVM_TYPE: return read_choice(r, keys[key], word, types, &p->svm_type);
   case KERNEL: return read_choice(r, keys[key], word, kernels, &p->kernel_type);
   case DEGREE: good = to_int(word, 0, MOST_DEGREE, &p->degree); break;
   case GAMMA: good = to_double(word, &p->gamma) && p->gamma >= 0; break;
   case COEF0: good = to_double(word, &p->coef0); break;
   case CLASSES: good = to_int(word, 2, 2, &m->svm.nr_class); break;
   case VECTORS: good = to_int(word, 1, MOST_VECTORS, &m->svm.l); break;
   case RHO: good = to_double(word, &m->rho); break;
   case LABELS:
      good = to_int(word, INT16_MIN, INT16_MAX, &m->labels[0]) &&
             to_int(word = next_word(&line), INT16_MIN, INT16_MAX, &m->labels[1]) &&
             (m->labels[0] == 1) != (m->labels[1] == 1);
      break;
   case COUNTS:
      good = to_int(word, 0, MOST_VECTORS, &m->counts[0]) &&
             to_int(word = next_word(&line), 0, MOST_VECTORS, &m->counts[1]);
      break;
   default: line += strlen(line); break; /* probabilities are not used */
   }
   return (good && *next_word(&line) == 0) || fail(r, "%s: \"%.32s\" is not a value of it", keys[key], word);
}

static bool read_header(struct reader *r, struct model *m)
{
   char *line;
   while ((line = next_line(r)) != NULL) {
      const char *word = next_word(&line);
      enum key key = 0;
      while (key < KEYS && strcmp(word, keys[key]) != 0) {
         key++;
      }
      if (key == KEYS || (r->seen & 1u << key) != 0) {
         return fail(r, "\"%.32s\": expected a line of the header of a libsvm model, each once", word);
      }
      r->seen |= 1u << key;
      if (key == SV) {
         return true;
      }
      if (!read_value(r, m, key, line)) {
         return false;
      }
   }
   return fail(r, "the line SV is missing");
}

static bool check_header(struct reader *r, const struct model *m)
{
   unsigned needed = 1u << SVM_TYPE | 1u << KERNEL | 1u << CLASSES | 1u << VECTORS | 1u << RHO |
                     1u << LABELS | 1u << COUNTS;
   int kernel = m->svm.param.kernel_type;
   needed |= kernel != LINEAR ? 1u << GAMMA : 0;
   needed |= kernel == POLY ? 1u << DEGREE : 0;
   needed |= kernel == POLY || kernel == SIGMOID ? 1u << COEF0 : 0;
   for (int key = 0; key < KEYS; key++) {
      if ((needed & ~r->seen & 1u << key) != 0) {
         return fail(r, "the line %s is missing", keys[key]);
      }
   }
   return m->counts[0] + m->counts[1] == m->svm.l ||
          fail(r, "nr_sv %d %d: expected a sum of %d, as total_sv says", m->counts[0], m->counts[1],
               m->svm.l);
}

/* -------------------------------------------------------------------- support vectors */

static bool read_vector(struct reader *r, struct model *m, int number, struct svm_node **free_node)
{
   char *line = next_line(r);
   if (line == NULL) {
      return fail(r, "there are %d support vectors, expected %d", number, m->svm.l);
   }
   const char *word = next_word(&line);
   if (!to_double(word, &m->coefficients[number])) {
      return fail(r, "\"%.32s\": expected the coefficient of a support vector", word);
   }
   m->svm.SV[number] = *free_node;
   for (int last = 0; *(word = next_word(&line)) != 0;) {
      struct svm_node *node = (*free_node)++;
      char *colon = strchr(word, ':');
      if (colon != NULL) {
         *colon = 0;
      }
      if (colon == NULL || !to_int(word, last + 1L, LAST_FEATURE, &node->index) ||
          !to_double(colon + 1, &node->value)) {
         return fail(r, "\"%.32s\": expected INDEX:VALUE, indices ascending to at most %d", word,
                     LAST_FEATURE);
      }
      last = node->index;
   }
   *(*free_node)++ = (struct svm_node){.index = -1};
   return true;
}

static bool read_vectors(struct reader *r, struct model *m)
{
   size_t vectors = (size_t) m->svm.l, nodes = vectors;
   if (vectors > (size_t) (r->end - r->at)) {
      return fail(r, "total_sv is %zu, which is more than the file has", vectors);
   }
   for (const char *at = r->at; at < r->end; at++) {
      nodes += *at == ':' ? 1 : 0;
   }
   nodes += 1; /* an entry without a colon is written before it is refused */
   m->nodes = malloc(nodes * sizeof(*m->nodes));
   m->coefficients = malloc(vectors * sizeof(*m->coefficients));
   m->svm.SV = calloc(vectors, sizeof(*m->svm.SV));
   if (m->nodes == NULL || m->coefficients == NULL || m->svm.SV == NULL) {
      return fail(r, "out of memory");
   }
   struct svm_node *free_node = m->nodes;
   for (int i = 0; i < m->svm.l; i++) {
      if (!read_vector(r, m, i, &free_node)) {
         return false;
      }
   }
   for (char *line; (line = next_line(r)) != NULL;) {
      if (*next_word(&line) != 0) {
         return fail(r, "there are more support vectors than the %d of total_sv", m->svm.l);
      }
   }
   return true;
}

struct model *model_read(const char *text, size_t size, char why[MODEL_WHY])
{
   struct reader r = {.why = why};
   struct model *m = calloc(1, sizeof(*m));
   r.text = malloc(size + 1);
   if (m == NULL || r.text == NULL) {
      snprintf(why, MODEL_WHY, "out of memory");
      free(r.text);
      model_free(m);
      return NULL;
   }
   memcpy(r.text, text, size);
   r.at = r.text;
   r.end = r.text + size;
   m->svm.rho = &m->rho;
   m->svm.label = m->labels;
   m->svm.nSV = m->counts;
   bool good = memchr(text, 0, size) == NULL
                   ? read_header(&r, m) && check_header(&r, m) && read_vectors(&r, m)
                   : fail(&r, "this is no text");
   free(r.text);
   if (!good) {
      model_free(m);
      return NULL;
   }
   m->rows[0] = m->coefficients;
   m->svm.sv_coef = m->rows;
   return m;
}

void model_free(struct model *m)
{
   if (m != NULL) {
      free(m->nodes);
      free(m->coefficients);
      free(m->svm.SV);
      free(m);
   }
}

/* -------------------------------------------------------------------- answers */

void model_nodes(const struct feature *features, unsigned n, struct svm_node to[MOST_FEATURES + 1])
{
   for (unsigned i = 0; i < n; i++) {
      to[i] = (struct svm_node){features[i].index, features[i].value};
   }
   to[n] = (struct svm_node){.index = -1};
}

bool model_says(const struct model *m, const struct svm_node *nodes)
{
   return svm_predict(&m->svm, nodes) == 1;
}
