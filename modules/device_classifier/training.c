/* SPDX-License-Identifier: BSD-3-Clause */
/* Examples (db.svm), and models that are made of them. */
#include "classifier.h"

#include <errno.h>
#include <libsvm/svm.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_EXAMPLES 1000000u
#define FOLDS         5
#define COST          10
#define GAMMA         0.5 /* features are from 0 to 1, a dozen of them */
#define CACHE_MB      64

void example_write(FILE *to, const struct labels *l, uint64_t labels, const struct feature *features,
                   unsigned n)
{
   const char *comma = "";
   for (unsigned i = 0; i < l->n; i++) {
      if ((labels >> i & 1) != 0) {
         fprintf(to, "%s%u", comma, l->list[i].id);
         comma = ",";
      }
   }
   for (unsigned i = 0; i < n; i++) {
      fprintf(to, " %d:%.9g", features[i].index, features[i].value);
   }
   fputc('\n', to);
}

/* -------------------------------------------------------------------- reading examples */

/* "ID[,ID...]". \return false: no ids, or one that is not in the list */
static bool take_ids(const struct labels *l, const char *word, uint64_t *labels, char *why)
{
   *labels = 0;
   for (const char *at = word;; at++) {
      char *end = NULL;
      unsigned long id = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : MOST_ID + 1;
      unsigned place = id <= MOST_ID ? labels_find_id(l, (unsigned) id) : l->n;
      if (place == l->n || (*end != ',' && *end != 0)) {
         snprintf(why, CLASSIFIER_WHY, "\"%.60s\": expected ids of " LIST_FILE ", separated by commas", word);
         return false;
      }
      *labels |= UINT64_C(1) << place;
      at = end;
      if (*at == 0) {
         return true;
      }
   }
}

/* "INDEX:VALUE" after an index */
static bool take_node(char *word, int last, struct svm_node *to, char *why)
{
   char *end;
   long index = strtol(word, &end, 10);
   if (end != word && *end == ':' && index > last && index <= LAST_FEATURE) {
      const char *number = end + 1;
      *to = (struct svm_node){(int) index, strtod(number, &end)};
      if (end != number && *end == 0 && isfinite(to->value)) {
         return true;
      }
   }
   snprintf(why, CLASSIFIER_WHY, "\"%.60s\": expected INDEX:VALUE, indices ascending to at most %d", word,
            LAST_FEATURE);
   return false;
}

static bool take_example(struct examples *e, size_t *n_nodes, const struct labels *l, char *line, char *why)
{
   char *rest = NULL, *word = strtok_r(line, " \t\r", &rest);
   struct example *example = &e->list[e->n];
   example->first = *n_nodes;
   if (word == NULL || *word == '#') {
      return true;
   }
   if (!take_ids(l, word, &example->labels, why)) {
      return false;
   }
   for (int last = 0; (word = strtok_r(NULL, " \t\r", &rest)) != NULL; last = e->nodes[(*n_nodes)++].index) {
      if (!take_node(word, last, &e->nodes[*n_nodes], why)) {
         return false;
      }
   }
   e->nodes[(*n_nodes)++] = (struct svm_node){.index = -1};
   e->n++;
   return true;
}

/* How many times the byte is in a text. */
static size_t count_byte(const char *text, size_t size, char byte)
{
   size_t n = 0;
   for (size_t i = 0; i < size; i++) {
      n += text[i] == byte;
   }
   return n;
}

bool examples_read(struct examples *e, const struct labels *l, const char *text, size_t size,
                   char why[CLASSIFIER_WHY])
{
   char reason[CLASSIFIER_WHY] = "out of memory";
   size_t lines = count_byte(text, size, '\n') + 1, n_nodes = 0;
   unsigned number = 0;
   memset(e, 0, sizeof(*e));
   if (lines > MOST_EXAMPLES || memchr(text, 0, size) != NULL) {
      snprintf(why, CLASSIFIER_WHY, BASE_FILE ": expected a text of at most %u lines", MOST_EXAMPLES);
      return false;
   }
   char *copy = malloc(size + 1);
   e->list = malloc((lines + 1) * sizeof(*e->list));
   e->nodes = malloc((lines + count_byte(text, size, ':') + 1) * sizeof(*e->nodes));
   bool good = copy != NULL && e->list != NULL && e->nodes != NULL;
   if (good) {
      memcpy(copy, text, size);
      copy[size] = 0;
      for (char *at = copy; good && at != NULL;) {
         char *newline = strchr(at, '\n');
         if (newline != NULL) {
            *newline = 0;
         }
         number++;
         good = take_example(e, &n_nodes, l, at, reason);
         at = newline != NULL ? newline + 1 : NULL;
      }
   }
   free(copy);
   if (!good) {
      snprintf(why, CLASSIFIER_WHY, BASE_FILE ", line %u: %.400s", number, reason);
      examples_free(e);
   }
   return good;
}

void examples_free(struct examples *e)
{
   free(e->list);
   free(e->nodes);
   memset(e, 0, sizeof(*e));
}

/* -------------------------------------------------------------------- models */

static void be_silent(const char *text)
{
   (void) text;
}

/* How many of the examples that have the label, and of the others, a model of other examples tells right. */
static void validate(const struct svm_problem *problem, const struct svm_parameter *parameter,
                     size_t right[2])
{
   double *answers = malloc((size_t) problem->l * sizeof(*answers));
   right[0] = right[1] = 0;
   if (answers != NULL) {
      srand(1); /* the folds are the same each time */
      svm_cross_validation(problem, parameter, FOLDS, answers);
      for (int i = 0; i < problem->l; i++) {
         right[problem->y[i] > 0] += answers[i] == problem->y[i];
      }
   }
   free(answers);
}

/* Writes the model to a file beside its own, which it replaces when it has been read again. */
static bool save(const struct svm_model *svm, const char *directory, unsigned id, char *why)
{
   char path[4096], name[32], reason[MODEL_WHY] = "";
   size_t size = 0;
   snprintf(name, sizeof(name), ".%u.new", id);
   snprintf(path, sizeof(path), "%s/%s", directory, name);
   if (svm_save_model(path, svm) != 0) {
      snprintf(why, CLASSIFIER_WHY, "cannot write %.400s: %s", path, strerror(errno));
      return false;
   }
   char *text = classifier_file(directory, name, &size, why);
   struct model *model = text != NULL ? model_read(text, size, reason) : NULL;
   char target[4096];
   snprintf(target, sizeof(target), "%s/%u", directory, id);
   bool good = model != NULL && rename(path, target) == 0;
   if (!good && text != NULL) {
      snprintf(why, CLASSIFIER_WHY, "cannot make %.300s: %.150s", target,
               model == NULL ? reason : strerror(errno));
   }
   if (!good) {
      unlink(path);
   }
   model_free(model);
   free(text);
   return good;
}

static bool build(struct svm_problem *problem, const struct examples *e, const struct labels *l,
                  unsigned label, const char *directory, FILE *report, char *why)
{
   size_t with = 0;
   for (size_t i = 0; i < e->n; i++) {
      bool has = (e->list[i].labels >> label & 1) != 0;
      problem->y[i] = has ? 1 : -1;
      with += has;
   }
   if (with == 0 || with == e->n) {
      snprintf(why, CLASSIFIER_WHY,
               "label %s: %zu of %zu examples have it, expected some that do and some that do not",
               l->list[label].name, with, e->n);
      return false;
   }
   /* Rare labels count as much as all others together. */
   int weight_label[1] = {1};
   double weight[1] = {(double) (e->n - with) / (double) with};
   struct svm_parameter parameter = {.svm_type = C_SVC,
                                     .kernel_type = RBF,
                                     .gamma = GAMMA,
                                     .C = COST,
                                     .eps = 0.001,
                                     .cache_size = CACHE_MB,
                                     .shrinking = 1,
                                     .nr_weight = 1,
                                     .weight_label = weight_label,
                                     .weight = weight};
   const char *wrong = svm_check_parameter(problem, &parameter);
   if (wrong != NULL) {
      snprintf(why, CLASSIFIER_WHY, "label %s: %s", l->list[label].name, wrong);
      return false;
   }
   size_t right[2];
   validate(problem, &parameter, right);
   struct svm_model *svm = svm_train(problem, &parameter);
   bool good = svm != NULL && save(svm, directory, l->list[label].id, why);
   fprintf(report, "%-*s %8zu %7.1f%% %8zu %7.1f%% %8d\n", (int) LABEL_SIZE / 2, l->list[label].name, with,
           100.0 * (double) right[1] / (double) with, e->n - with,
           100.0 * (double) right[0] / (double) (e->n - with), svm != NULL ? svm->l : 0);
   svm_free_and_destroy_model(&svm);
   return good;
}

bool models_build(const char *directory, FILE *report, char why[CLASSIFIER_WHY])
{
   struct classifier c;
   struct examples e = {.n = 0};
   size_t size = 0;
   if (!classifier_read(&c, directory, false, false, why)) {
      return false;
   }
   char *text = classifier_file(directory, BASE_FILE, &size, why);
   bool good = text != NULL && examples_read(&e, &c.labels, text, size, why);
   free(text);
   struct svm_problem problem = {
       .l = (int) e.n, .y = malloc((e.n + 1) * sizeof(double)), .x = malloc((e.n + 1) * sizeof(*problem.x))};
   if (good && (problem.y == NULL || problem.x == NULL || c.labels.n == 0)) {
      snprintf(why, CLASSIFIER_WHY, c.labels.n == 0 ? LIST_FILE ": there is no label" : "out of memory");
      good = false;
   }
   if (good) {
      for (size_t i = 0; i < e.n; i++) {
         problem.x[i] = &e.nodes[e.list[i].first];
      }
      svm_set_print_string_function(be_silent);
      fprintf(report, "%-*s %8s %8s %8s %8s %8s\n", (int) LABEL_SIZE / 2, "label", "with", "right", "without",
              "right", "vectors");
   }
   for (unsigned i = 0; good && i < c.labels.n; i++) {
      good = build(&problem, &e, &c.labels, i, directory, report, why);
   }
   free(problem.x);
   free(problem.y);
   examples_free(&e);
   classifier_clear(&c);
   return good;
}
