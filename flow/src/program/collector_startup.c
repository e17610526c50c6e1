/* SPDX-License-Identifier: BSD-3-Clause */
#include "collector_startup.h"

#ifdef HAVE_XML
#include "collector/startup.h"
#endif

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of -c; NULL: it is not given. *at: where the option is, *count: its words. */
static const char *startup_of(int argc, char **argv, int *at, int *count)
{
   for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
      bool separate = strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--startup") == 0;
      const char *value = separate                                  ? (i + 1 < argc ? argv[i + 1] : NULL)
                          : strncmp(argv[i], "--startup=", 10) == 0 ? argv[i] + 10
                                                                    : NULL;
      if (value != NULL) {
         *at = i;
         *count = 1 + separate;
         return value;
      }
   }
   return NULL;
}

#ifdef HAVE_XML
/* Puts the options that a start-up file stands for in its place. */
static int run_startup(const nm_module_def_t *definition, int argc, char **argv, const char *path, int at,
                       int count)
{
   char *errors = NULL;
   struct fc_startup *s = fc_startup_load(path, &errors);
   char **line = s != NULL ? calloc((size_t) argc + s->n + 1, sizeof(*line)) : NULL;
   if (line == NULL) {
      fputs(errors != NULL ? errors : "flow_collector: out of memory\n", stderr);
      free(errors);
      fc_startup_free(s);
      return 1;
   }
   fputs(s->notes, stderr);
   size_t before = (size_t) at, after = (size_t) (argc - at - count);
   memcpy(line, argv, before * sizeof(*line));
   memcpy(line + before, s->words, s->n * sizeof(*line));
   memcpy(line + before + s->n, argv + at + count, after * sizeof(*line));
   int status = nm_main(definition, (int) (before + s->n + after), line);
   free(line);
   fc_startup_free(s);
   return status;
}
#else
static int run_startup(const nm_module_def_t *definition, int argc, char **argv, const char *path, int at,
                       int count)
{
   (void) definition, (void) argc, (void) argv, (void) at, (void) count;
   fprintf(stderr, "flow_collector: option -c, --startup: \"%s\" cannot be read: built without libxml2\n",
           path);
   return 1;
}
#endif

int collector_main(const nm_module_def_t *definition, int argc, char **argv)
{
   int at = 0, count = 0;
   const char *path = startup_of(argc, argv, &at, &count);
   return path != NULL ? run_startup(definition, argc, argv, path, at, count)
                       : nm_main(definition, argc, argv);
}
