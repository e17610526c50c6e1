/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: a model of libsvm; what is accepted must be fit to be asked. */
#include <stdlib.h>
#include <string.h>

#include "model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static const struct feature features[] = {
       {1, 0.5}, {2, 1}, {11, 1}, {FIXED_FEATURES + 1 + 53, 0.99}, {LAST_FEATURE, 0.1}};
   struct svm_node nodes[MOST_FEATURES + 1];
   char why[MODEL_WHY] = "";
   struct model *m = model_read((const char *) data, size, why);
   if (m == NULL && why[0] == 0) {
      abort();
   }
   for (unsigned n = 0; m != NULL && n <= sizeof(features) / sizeof(features[0]); n++) {
      model_nodes(features, n, nodes);
      model_says(m, nodes);
   }
   model_free(m);
   return 0;
}
