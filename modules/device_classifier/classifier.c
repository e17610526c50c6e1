/* SPDX-License-Identifier: BSD-3-Clause */
#include "classifier.h"

#include <errno.h>
#include <libsvm/svm.h>
#include <nemea-common/nc_telemetry.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FILE ((size_t) 64 << 20)

/* -------------------------------------------------------------------- files */

static char *read_open(FILE *file, size_t *size)
{
   size_t room = 1 << 16;
   char *text = malloc(room);
   *size = 0;
   for (size_t got; text != NULL && (got = fread(text + *size, 1, room - *size, file)) > 0;) {
      *size += got;
      if (*size == room) {
         room *= 2;
         char *larger = room <= 2 * MOST_FILE ? realloc(text, room) : NULL;
         if (larger == NULL) {
            free(text);
            errno = EFBIG;
         }
         text = larger;
      }
   }
   if (text != NULL && ferror(file)) {
      free(text);
      text = NULL;
   }
   return text;
}

static char *shipped(const char *name, size_t *size, char *why)
{
   const struct builtin_file *file = builtin_files;
   while (file->name != NULL && strcmp(file->name, name) != 0) {
      file++;
   }
   char *text = file->name != NULL ? malloc(file->size + 1) : NULL;
   if (text == NULL) {
      snprintf(why, CLASSIFIER_WHY, "shipped %s: %s", name,
               file->name == NULL ? "there is no such file" : "out of memory");
      return NULL;
   }
   memcpy(text, file->data, file->size);
   *size = file->size;
   return text;
}

char *classifier_file(const char *directory, const char *name, size_t *size, char why[CLASSIFIER_WHY])
{
   char path[4096];
   if (directory == NULL) {
      return shipped(name, size, why);
   }
   snprintf(path, sizeof(path), "%s/%s", directory, name);
   FILE *file = fopen(path, "re");
   char *text = file != NULL ? read_open(file, size) : NULL;
   if (text == NULL) {
      snprintf(why, CLASSIFIER_WHY, "cannot read %.400s: %s", path, strerror(errno));
   }
   if (file != NULL) {
      fclose(file);
   }
   return text;
}

/* -------------------------------------------------------------------- labels and models */

static bool read_list(struct classifier *c, const char *directory, bool fresh, char *why)
{
   char reason[LABELS_WHY];
   size_t size = 0;
   errno = 0;
   char *text = classifier_file(directory, LIST_FILE, &size, why);
   if (text == NULL) {
      return fresh && errno == ENOENT;
   }
   bool good = labels_read(&c->labels, text, size, reason);
   free(text);
   if (!good) {
      snprintf(why, CLASSIFIER_WHY, "%.200s: %s", LIST_FILE, reason);
   }
   return good;
}

static bool read_model(struct classifier *c, unsigned i, const char *directory, char *why)
{
   char name[16], reason[MODEL_WHY];
   size_t size = 0;
   snprintf(name, sizeof(name), "%u", c->labels.list[i].id);
   char *text = classifier_file(directory, name, &size, why);
   if (text == NULL) {
      return false;
   }
   c->models[i] = model_read(text, size, reason);
   free(text);
   if (c->models[i] == NULL) {
      snprintf(why, CLASSIFIER_WHY, "model %s of label %s: %s", name, c->labels.list[i].name, reason);
   }
   return c->models[i] != NULL;
}

bool classifier_read(struct classifier *c, const char *directory, bool models, bool fresh,
                     char why[CLASSIFIER_WHY])
{
   memset(c, 0, sizeof(*c));
   bool good = read_list(c, directory, fresh, why);
   for (unsigned i = 0; good && models && i < c->labels.n; i++) {
      good = read_model(c, i, directory, why);
   }
   if (!good) {
      classifier_clear(c);
   }
   return good;
}

void classifier_clear(struct classifier *c)
{
   for (unsigned i = 0; i < MOST_LABELS; i++) {
      model_free(c->models[i]);
      c->models[i] = NULL;
   }
   labels_clear(&c->labels);
}

/* The list's file as it is, with comments, and the labels from number `first` on after it. */
static bool extend_list(const struct classifier *c, const char *directory, unsigned first, char *why)
{
   char error[NC_TELEMETRY_ERROR] = "out of memory";
   size_t size = 0, written = 0;
   char *old = classifier_file(directory, LIST_FILE, &size, why), *text = NULL;
   FILE *to = open_memstream(&text, &written);
   bool good = to != NULL;
   if (good) {
      if (old != NULL) {
         fwrite(old, 1, size, to);
         fputs(size > 0 && old[size - 1] != '\n' ? "\n" : "", to);
      }
      for (unsigned i = first; i < c->labels.n; i++) {
         fprintf(to, "%u:%s\n", c->labels.list[i].id, c->labels.list[i].name);
      }
      good = fclose(to) == 0 && nc_telemetry_write(directory, LIST_FILE, text, written, error);
   }
   free(text);
   free(old);
   if (!good) {
      snprintf(why, CLASSIFIER_WHY, "%s", error);
   }
   return good;
}

bool classifier_add_labels(struct classifier *c, const char *directory, const struct lessons *lessons,
                           char why[CLASSIFIER_WHY])
{
   unsigned before = c->labels.n;
   for (size_t i = 0; i < lessons->n; i++) {
      const char *name = lessons->list[i].label;
      if (labels_find(&c->labels, name) == c->labels.n && !labels_add(&c->labels, name)) {
         snprintf(why, CLASSIFIER_WHY, "label %s: there are %u labels already, or no id is left", name,
                  c->labels.n);
         return false;
      }
   }
   return c->labels.n == before || extend_list(c, directory, before, why);
}

uint64_t classifier_ask(const struct classifier *c, const struct feature *features, unsigned n)
{
   struct svm_node nodes[MOST_FEATURES + 1];
   uint64_t labels = 0;
   model_nodes(features, n, nodes);
   for (unsigned i = 0; i < c->labels.n; i++) {
      labels |= (uint64_t) model_says(c->models[i], nodes) << i;
   }
   return labels;
}
