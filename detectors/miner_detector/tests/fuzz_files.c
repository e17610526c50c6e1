/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: what miner_detector reads of files and of servers. The first byte says which. */
#include "../miner.h"

#include "../../blacklist/fuzz/memory_file.h"

#include <nemea/module_test.h>
#include <stdio.h>
#include <stdlib.h>

extern const nm_module_def_t nm_definition;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_list(const char *path)
{
   static nm_test_t *t; /* for warnings */
   char error[BL_ERROR] = "";
   struct pool_list list = {0};
   t = t != NULL ? t : nm_test_new(&nm_definition, "");
   if (!pool_list_read(nm_test_module(t), &list, path, 64, error) && error[0] == 0) {
      abort();
   }
   pool_list_close(&list);
}

static void read_config(const char *path)
{
   char lists[2][MINER_PATH] = {"", ""}, error[BL_ERROR] = "";
   struct miner_config config;
   if (!config_read(path, &config, lists, error) && error[0] == 0) {
      abort();
   }
}

static void read_texts(const char *text, size_t n)
{
   struct pool pool;
   pool_parse(text, n, &pool);
   stratum_is_request(text, n);
   stratum_is_answer(text, n);
   stratum_is_job(text, n);
   for (unsigned i = 0; i < PROBE_DIALOGUES; i++) {
      probe_matches(i, text, n);
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static FILE *nowhere;
   if (nowhere == NULL) {
      nowhere = stderr = fopen("/dev/null", "we"); /* messages are not what is looked at here */
   }
   if (size < 1) {
      return 0;
   }
   switch (data[0] % 3) {
   case 0: read_list(memory_file(data + 1, size - 1)); break;
   case 1: read_config(memory_file(data + 1, size - 1)); break;
   default: read_texts((const char *) data + 1, size - 1); break;
   }
   return 0;
}
