/* SPDX-License-Identifier: BSD-3-Clause */
/** Builds without libyaml. */
#include "probe_yaml.h"

#include <stdio.h>

bool probe_yaml_read(const char *name, const char *text, size_t size, struct probe_words *words,
                     char error[PROBE_YAML_ERROR])
{
   (void) text;
   (void) size;
   (void) words;
   snprintf(error, PROBE_YAML_ERROR, "%.256s: built without YAML (libyaml)", name);
   return false;
}

void probe_words_free(struct probe_words *words)
{
   (void) words;
}
