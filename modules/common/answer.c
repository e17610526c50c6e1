/* SPDX-License-Identifier: BSD-3-Clause */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

static void append(struct answer *a, const char *text, size_t size)
{
   if (a->size + size > a->capacity) {
      size_t capacity = 2 * (a->size + size);
      char *more = realloc(a->text, capacity);
      if (more == NULL) {
         a->failed = true;
         return;
      }
      a->text = more;
      a->capacity = capacity;
   }
   memcpy(a->text + a->size, text, size);
   a->size += size;
}

void answer_line(struct answer *a, json_t *line)
{
   char *text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;
   if (text == NULL) {
      a->failed = true;
   } else {
      append(a, text, strlen(text));
      append(a, "\n", 1);
   }
   free(text);
   json_decref(line);
}

void answer_error(struct answer *a, const char *text)
{
   json_t *error = json_string(text); /* NULL: it quotes what is not UTF-8 */
   answer_line(a, json_pack("{s:o}", "error", error != NULL ? error : json_string("invalid request")));
}

void answer_free(struct answer *a)
{
   free(a->text);
   *a = (struct answer){.text = NULL};
}
