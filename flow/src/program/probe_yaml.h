/* SPDX-License-Identifier: BSD-3-Clause */
/** Configuration files of ipfixprobed: YAML to the command line of ipfixprobe. */
#ifndef FLOW_PROBE_YAML_H
#define FLOW_PROBE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#define PROBE_YAML_ERROR 1024
#define PROBE_YAML_SIZE  (1 << 20) /**< bytes of a file at most */
#define PROBE_YAML_WORDS 160
#define PROBE_YAML_WORD  4096

/** Options and their values as they follow the program's name; zeroed before the first use. */
struct probe_words {
   char *words[PROBE_YAML_WORDS + 1]; /**< up to a NULL */
   unsigned n;
};

/**
 * Reads a configuration. name: of the file, for messages.
 * \return false with a message in error: "NAME:LINE: KEY: what is wrong (expected ...)"
 */
bool probe_yaml_read(const char *name, const char *text, size_t size, struct probe_words *words,
                     char error[PROBE_YAML_ERROR]);
/** Releases the words. */
void probe_words_free(struct probe_words *words);

#endif
