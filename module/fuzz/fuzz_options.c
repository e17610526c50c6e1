/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the command line of a module. Each line of the input is an argument. */
#include "internal.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGS 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
   uint8_t u8;
   uint16_t u16;
   uint32_t u32;
   uint64_t u64;
   int64_t i64;
   double number;
   const char *string;
   unsigned word;
   bool flag;
   char list[8];
   uint8_t fence; /* nothing may write here */
};

static int take_list(nm_module_t *m, const char *value)
{
   struct state *s = nm_self(m);
   if (strlen(value) >= sizeof(s->list)) {
      return nm_fail(m, "option -L, --list: \"%s\" is longer than %zu", value, sizeof(s->list) - 1);
   }
   strcpy(s->list, value);
   return NM_OK;
}

static const char *const words[] = {"sum", "average", "largest", NULL};

static const nm_option_t options[] = {
    NM_U8('a', "a-u8", struct state, u8, 7, 1, 200, "An octet."),
    NM_U16('b', "b-u16", struct state, u16, 70, 10, UINT16_MAX, "Two octets."),
    NM_U32('c', "c-u32", struct state, u32, 700, 0, UINT32_MAX, "Four octets."),
    NM_U64('d', "d-u64", struct state, u64, 0, 0, UINT64_MAX, "Eight octets."),
    NM_I64('e', "e-i64", struct state, i64, -1, INT64_MIN, 5, "A signed number."),
    NM_DOUBLE('F', "float", struct state, number, 0.5, 0, 1, "A part of one."),
    NM_STRING('s', "string", struct state, string, NULL, "Any text."),
    NM_CHOICE('w', "word", struct state, word, 1, words, "One of some words."),
    NM_FLAG('y', "yes", struct state, flag, "Yes."),
    NM_FLAG(0, "long-only", struct state, flag, "Yes, at length."),
    NM_CALL('L', "list", "list", take_list, "A short text."),
    NM_END};

static const nm_module_def_t definition = {.name = "fuzz",
                                           .summary = "Takes options.",
                                           .options = options,
                                           .no_eos_option = "no-eos",
                                           .state_size = sizeof(struct state)};

static void check(const struct state *s)
{
   if (s->u8 < 1 || s->u8 > 200 || s->u16 < 10 || s->i64 > 5 || !(s->number >= 0 && s->number <= 1) ||
       s->word > 2 || memchr(s->list, 0, sizeof(s->list)) == NULL || s->fence != 0) {
      abort();
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char *text = malloc(size + 1), *argv[MAX_ARGS + 2] = {(char *) (uintptr_t) "fuzz"}, *rest = text;
   int argc = 1;
   if (text == NULL) {
      return 0;
   }
   memcpy(text, data, size);
   text[size] = 0;
   /* Each argument in memory of its own size, so that reading past one is seen. */
   for (char *line; argc <= MAX_ARGS && (line = strsep(&rest, "\n")) != NULL;) {
      argv[argc++] = strdup(line);
   }
   struct state state = {0};
   char *order[MAX_ARGS + 2];
   nm_module_t m = {.def = &definition, .state = &state};
   interfaces_declare(&m);
   memcpy(order, argv, sizeof(order));
   optind = 0; /* resets getopt() */
   int rc = options_parse(&m, argc, order);
   if ((rc != NM_OK) != (m.message != NULL)) {
      abort();
   }
   check(&state);
   free(m.message);
   for (int i = 1; i < argc; i++) {
      free(argv[i]);
   }
   free(text);
   return 0;
}
