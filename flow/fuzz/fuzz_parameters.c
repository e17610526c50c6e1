/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: parameters of ipfixprobe's plugins, and options of flow_meter's. First byte: which plugin; the rest: the text. */
#include "plugins/registry.h"
#include "program/parameters.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static bool flag, truth;
   static const char *text;
   static uint32_t number;
   static int64_t maybe;
   static uint64_t large;
   static const struct parameter table[] = {{"f", "flag", PARAMETER_FLAG, &flag, 0, 0, NULL, ""},
                                            {"b", "bool", PARAMETER_BOOL, &truth, 0, 0, NULL, ""},
                                            {"t", "text", PARAMETER_TEXT, &text, 0, 0, "TEXT", ""},
                                            {"n", "number", PARAMETER_NUMBER, &number, 4, 30, "N", ""},
                                            {"m", "maybe", PARAMETER_MAYBE_NUMBER, &maybe, 0, 65535, "N", ""},
                                            {"l", "long", PARAMETER_LONG, &large, 0, 0, "N", ""},
                                            {NULL, NULL, PARAMETER_FLAG, NULL, 0, 0, NULL, NULL}};
   char error[PARAMETER_ERROR] = "", *line = NULL;
   if (size < 1 || (line = malloc(size)) == NULL) {
      return 0;
   }
   memcpy(line, data + 1, size - 1);
   line[size - 1] = 0;
   size_t n = 0;
   while (flow_plugin_at(n) != NULL) {
      n++;
   }
   if (!flow_plugin_configure(flow_plugin_at(data[0] % n), line, error) && error[0] == 0) {
      abort(); /* an error without a message */
   }
   error[0] = 0;
   number = 4;
   if (!parameters_parse("fuzz", line, table, error) && error[0] == 0) {
      abort();
   }
   if (number < 4 || number > 30) {
      abort();
   }
   free(line);
   return 0;
}
