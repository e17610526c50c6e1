/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: files of models, and of settings (first byte: which). Whatever is read gives a probability. */
#include "model.h"
#include "settings.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char error[SETTINGS_ERROR];
   if (size == 0) {
      return 0;
   }
   if (data[0] == 's') {
      struct settings settings;
      if (settings_parse((const char *) data + 1, size - 1, &settings, error) &&
          strlen(settings.server_uri) >= SETTING_SIZE) {
         abort();
      }
      return 0;
   }
   struct model *model = model_read((const char *) data + 1, size - 1, error);
   if (model == NULL) {
      return 0;
   }
   double values[VALUES];
   for (int round = 0; round < 4; round++) {
      for (int i = 0; i < VALUES; i++) {
         values[i] = round == 0 ? 0 : round == 1 ? i : round == 2 ? 1e18 : (double) NAN;
      }
      for (int protocol = 0; protocol < MODEL_PROTOCOLS; protocol++) {
         double p = model_probability(model, (enum model_protocol) protocol, values);
         if (!(p >= 0 && p <= 1)) {
            abort();
         }
      }
   }
   model_free(model);
   return 0;
}
