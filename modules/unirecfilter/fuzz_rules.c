/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: files of rules of unirecfilter. */
#include "rules.h"

#include <fcntl.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static char path[] = "/tmp/fuzz-rules-XXXXXX";
   static int fd = -1;
   struct rule_error error = {.kind = RULE_MEMORY};
   if (fd < 0 && (fd = mkostemp(path, O_CLOEXEC)) < 0) {
      abort();
   }
   if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t) size) {
      abort();
   }
   struct rules *rules = rules_read(path, NULL, NULL, &error);
   if (rules == NULL && error.text[0] == 0) {
      abort();
   }
   for (uint32_t i = 0; rules != NULL && i < rules->count; i++) {
      struct rule *r = &rules->rules[i];
      const struct default_value *bad;
      ur_template_t *t = r->fields != NULL ? ur_create_template_from_ifc_spec(r->fields) : NULL;
      if (r->fields != NULL && t == NULL) {
         abort();
      }
      if (t != NULL) {
         rule_set_base(r, t, &bad);
         ur_free_template(t);
      }
   }
   rules_free(rules);
   ur_finalize();
   return 0;
}
