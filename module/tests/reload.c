/* SPDX-License-Identifier: BSD-3-Clause */
/** Test program: says for each record what the file of its option holds. */
#include <nemea/module.h>
#include <stdio.h>

#include "fields.h"

NM_FIELDS(time TIME_LAST)

struct reload {
   char *word;
};

static void *load(nm_module_t *m, const char *path)
{
   char word[64] = "";
   FILE *f = fopen(path, "r");
   if (f == NULL || fscanf(f, "%63s", word) != 1) {
      nm_fail(m, "%s: no word", path);
   }
   if (f != NULL) {
      fclose(f);
   }
   return word[0] != 0 ? strdup(word) : NULL;
}

static int record(nm_module_t *m, const void *rec)
{
   printf("%s %u\n", ((struct reload *) nm_self(m))->word, ur_time_get_sec(nm_get(m, rec, F_TIME_LAST)) % 60);
   fflush(stdout);
   return NM_OK;
}

static int reloaded(nm_module_t *m)
{
   printf("reloaded %s\n", ((struct reload *) nm_self(m))->word);
   fflush(stdout);
   return NM_OK;
}

static const nm_option_t options[] = {NM_FILE('w', "word", struct reload, word, load, free, "A word."),
                                      NM_END};

NM_MODULE("reload", "Shows a word.", .in = NM_INPUTS({.name = "flows", .fields = "time TIME_LAST"}),
          .options = options, .state_size = sizeof(struct reload), .record = record, .reload = reloaded)
