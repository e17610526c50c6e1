/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: models.list, lessons, or db.svm, as the first byte says. */
#include <stdlib.h>
#include <string.h>

#include "classifier.h"

const struct builtin_file builtin_files[] = {{NULL, NULL, 0}};
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void list(const char *text, size_t size)
{
   struct labels l;
   char why[LABELS_WHY] = "";
   ip_addr_t ip = ip_from_int(0x7f000001);
   if (!labels_read(&l, text, size, why)) {
      if (why[0] == 0) {
         abort();
      }
      return;
   }
   for (unsigned i = 0; i < l.n; i++) {
      if (!label_is_valid(l.list[i].name) || labels_find_id(&l, l.list[i].id) != i ||
          labels_find(&l, l.list[i].name) != i) {
         abort();
      }
   }
   labels_reserved(&l, &ip);
   labels_add(&l, "NEW");
   labels_clear(&l);
}

static void lessons(const char *text, size_t size)
{
   char why[LABELS_WHY] = "";
   struct lessons *l = lessons_read(text, size, why);
   if (l == NULL ? why[0] == 0 : l->n == 0) {
      abort();
   }
   for (size_t i = 0; l != NULL && i < l->n; i++) {
      if (lessons_find(l, &l->list[i].ip) == NULL) {
         abort();
      }
   }
   lessons_free(l);
}

static void examples(const char *text, size_t size)
{
   static const char known[] = "0:SERVER\n1:CLIENT\n65535:LAST\n";
   struct labels l;
   struct examples e;
   char why[CLASSIFIER_WHY] = "";
   if (!labels_read(&l, known, sizeof(known) - 1, why)) {
      abort();
   }
   if (!examples_read(&e, &l, text, size, why)) {
      if (why[0] == 0) {
         abort();
      }
   } else {
      for (size_t i = 0; i < e.n; i++) { /* as libsvm goes through them */
         for (const struct svm_node *node = &e.nodes[e.list[i].first]; node->index != -1; node++) {
            if (node->index < 1 || node->index > LAST_FEATURE) {
               abort();
            }
         }
      }
      examples_free(&e);
   }
   labels_clear(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   if (size > 0) {
      const char *text = (const char *) data + 1;
      data[0] % 3 == 0   ? list(text, size - 1)
      : data[0] % 3 == 1 ? lessons(text, size - 1)
                         : examples(text, size - 1);
   }
   return 0;
}
