/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: files of voip_fraud_detection. The first byte chooses: countries (what was read is written and read again: the same), event id. */
#include "../voip.h"

#include <nemea/module_test.h>
#include <stdlib.h>

#define OPTIONS "-e disabled --callers 4 --targets 8 --agents 2 --addresses 64"

extern const nm_module_def_t nm_definition;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static nm_test_t *start(void)
{
   static FILE *silent;
   if (silent == NULL) {
      silent = freopen("/dev/null", "we", stdout); /* the configuration */
   }
   nm_test_t *t = nm_test_new(&nm_definition, OPTIONS);
   if (t == NULL || nm_test_error(t) != NULL) {
      abort();
   }
   return t;
}

/* The countries of a file, as they are written. \return NULL: it is no such file */
static char *read_countries(const void *data, size_t size, size_t *written)
{
   nm_test_t *t = start();
   nm_module_t *m = nm_test_module(t);
   char *text = NULL;
   FILE *file = size > 0 ? fmemopen((void *) (uintptr_t) data, size, "r") : NULL;
   if (file != NULL && countries_parse(m, file, "fuzz") == NM_OK) {
      FILE *to = open_memstream(&text, written);
      if (to == NULL) {
         abort();
      }
      countries_write(nm_self(m), to);
      fclose(to);
   }
   if (file != NULL) {
      fclose(file);
   }
   nm_test_free(t);
   return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   size_t once = 0, twice = 0;
   if (size < 2) {
      return 0;
   }
   if (data[0] % 2 == 1) {
      nm_test_t *t = start();
      FILE *file = fmemopen((void *) (uintptr_t) (data + 1), size - 1, "r");
      if (file == NULL) {
         abort();
      }
      event_id_parse(nm_test_module(t), file);
      fclose(file);
      nm_test_free(t);
      return 0;
   }
   char *text = read_countries(data + 1, size - 1, &once);
   if (text != NULL) {
      char *again = read_countries(text, once, &twice);
      if (again == NULL || once != twice || memcmp(text, again, once) != 0) {
         abort();
      }
      free(again);
      free(text);
   }
   return 0;
}
