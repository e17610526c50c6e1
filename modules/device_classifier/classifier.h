/* SPDX-License-Identifier: BSD-3-Clause */
/** A directory of labels and models: models.list, a file for each model, and db.svm, the examples that the models are made of. */
#ifndef DEVICE_CLASSIFIER_CLASSIFIER_H
#define DEVICE_CLASSIFIER_CLASSIFIER_H

#include <stdint.h>
#include <stdio.h>

#include "labels.h"
#include "model.h"

#define CLASSIFIER_WHY 512
#define LIST_FILE      "models.list"
#define BASE_FILE      "db.svm"

/** The shipped files. */
struct builtin_file {
   const char *name;
   const unsigned char *data;
   size_t size;
};
extern const struct builtin_file builtin_files[]; /* ends with name NULL */

struct classifier {
   struct labels labels;
   struct model *models[MOST_LABELS]; /* as labels.list */
};

/** Reads a file of a directory (NULL: the shipped ones). \return NULL, with the reason; else a text that is freed with free() */
char *classifier_file(const char *directory, const char *name, size_t *size, char why[CLASSIFIER_WHY]);
/** Reads labels and, with models, all models. \param fresh a missing list is an empty one \return false, with the reason */
bool classifier_read(struct classifier *c, const char *directory, bool models, bool fresh,
                     char why[CLASSIFIER_WHY]);
void classifier_clear(struct classifier *c);
/** Adds labels that are missing to the list and to its file. \return false, with the reason */
bool classifier_add_labels(struct classifier *c, const char *directory, const struct lessons *lessons,
                           char why[CLASSIFIER_WHY]);
/** Labels of a device, a bit each. */
uint64_t classifier_ask(const struct classifier *c, const struct feature *features, unsigned n);

/** Writes an example as a line of db.svm. labels: bits */
void example_write(FILE *to, const struct labels *l, uint64_t labels, const struct feature *features,
                   unsigned n);

/** The examples of db.svm. */
struct examples {
   struct example {
      uint64_t labels; /* bits */
      size_t first;    /* place in nodes */
   } * list;
   size_t n;
   struct svm_node *nodes;
};
/** Reads examples, whose ids must be in the list. \return false, with the reason */
bool examples_read(struct examples *e, const struct labels *l, const char *text, size_t size,
                   char why[CLASSIFIER_WHY]);
void examples_free(struct examples *e);

/** Makes the models of all labels out of the examples, and prints how well they tell them apart. \return false, with the reason */
bool models_build(const char *directory, FILE *report, char why[CLASSIFIER_WHY]);

#endif
