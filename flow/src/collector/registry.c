/* SPDX-License-Identifier: BSD-3-Clause */
#include "registry.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY 1024

extern const char fc_registry_text[];

static struct {
   struct fc_ie by_name[CAPACITY], by_number[CAPACITY];
   size_t n;
} registry;

struct word {
   const char *text;
   size_t length;
};

static bool word_is(struct word w, const char *text)
{
   return w.length == strlen(text) && memcmp(w.text, text, w.length) == 0;
}

static enum fc_kind kind_of(struct word type)
{
   static const struct {
      const char *name;
      enum fc_kind kind;
   } types[] = {{"octetArray", FC_KIND_OCTETS},
                {"string", FC_KIND_STRING},
                {"boolean", FC_KIND_BOOLEAN},
                {"macAddress", FC_KIND_MAC},
                {"ipv4Address", FC_KIND_IP},
                {"ipv6Address", FC_KIND_IP},
                {"float32", FC_KIND_FLOAT},
                {"float64", FC_KIND_FLOAT},
                {"dateTimeSeconds", FC_KIND_TIME_S},
                {"dateTimeMilliseconds", FC_KIND_TIME_MS},
                {"dateTimeMicroseconds", FC_KIND_TIME_NTP},
                {"dateTimeNanoseconds", FC_KIND_TIME_NTP},
                {"basicList", FC_KIND_BASIC_LIST},
                {"subTemplateList", FC_KIND_SUB_TEMPLATE_LIST},
                {"subTemplateMultiList", FC_KIND_SUB_TEMPLATE_MULTI_LIST}};
   for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
      if (word_is(type, types[i].name)) {
         return types[i].kind;
      }
   }
   return type.text[0] == 's' ? FC_KIND_SIGNED : FC_KIND_UNSIGNED;
}

static int compare_words(const char *a, size_t na, const char *b, size_t nb)
{
   int order = memcmp(a, b, na < nb ? na : nb);
   return order != 0 ? order : (na > nb) - (na < nb);
}

static int by_name(const void *a, const void *b)
{
   const struct fc_ie *x = a, *y = b;
   int order = compare_words(x->scope, x->scope_length, y->scope, y->scope_length);
   return order != 0 ? order : compare_words(x->name, x->name_length, y->name, y->name_length);
}

static int by_number(const void *a, const void *b)
{
   const struct fc_ie *x = a, *y = b;
   return x->pen != y->pen ? (x->pen < y->pen ? -1 : 1) : (x->id > y->id) - (x->id < y->id);
}

/* A line "SCOPE PEN ID NAME TYPE [identifier|flags]" of the file that is part of this program, so it is not checked. */
static void add_line(const char *line, size_t length)
{
   struct word words[6] = {{NULL, 0}};
   size_t n = 0;
   for (size_t i = 0; i < length && n < 6; n++) {
      words[n].text = line + i;
      while (i < length && line[i] != ' ') {
         i++;
      }
      words[n].length = (size_t) (line + i - words[n].text);
      i++;
   }
   if (n < 5 || line[0] == '#' || registry.n == CAPACITY) {
      return;
   }
   struct fc_ie *ie = &registry.by_name[registry.n++];
   *ie = (struct fc_ie){.scope = words[0].text,
                        .scope_length = (uint8_t) words[0].length,
                        .pen = (uint32_t) strtoul(words[1].text, NULL, 10),
                        .id = (uint16_t) strtoul(words[2].text, NULL, 10),
                        .name = words[3].text,
                        .name_length = (uint8_t) words[3].length,
                        .kind = (uint8_t) kind_of(words[4]),
                        .discards = n == 6};
   if (ie->pen == 0 && (ie->id == 21 || ie->id == 22)) {
      ie->kind = FC_KIND_TIME_UPTIME;
   } else if (ie->pen == 0 && (ie->id == 158 || ie->id == 159)) {
      ie->kind = FC_KIND_TIME_BEFORE;
   }
}

static void load(void)
{
   for (const char *line = fc_registry_text; *line != 0;) {
      const char *end = strchrnul(line, '\n');
      add_line(line, (size_t) (end - line));
      line = *end != 0 ? end + 1 : end;
   }
   memcpy(registry.by_number, registry.by_name, registry.n * sizeof(struct fc_ie));
   qsort(registry.by_name, registry.n, sizeof(struct fc_ie), by_name);
   qsort(registry.by_number, registry.n, sizeof(struct fc_ie), by_number);
}

static void load_once(void)
{
   static pthread_once_t once = PTHREAD_ONCE_INIT;
   (void) pthread_once(&once, load);
}

bool fc_registry_named(const char *name, size_t length, struct fc_ie *ie)
{
   static const char suffix[] = "@reverse";
   const size_t suffix_length = sizeof(suffix) - 1;
   load_once();
   const char *colon = memchr(name, ':', length);
   if (colon == NULL || length > UINT8_MAX) {
      return false;
   }
   bool reverse = length > suffix_length && memcmp(name + length - suffix_length, suffix, suffix_length) == 0;
   length -= reverse ? suffix_length : 0;
   struct fc_ie key = {.scope = name,
                       .scope_length = (uint8_t) (colon - name),
                       .name = colon + 1,
                       .name_length = (uint8_t) (name + length - colon - 1)};
   const struct fc_ie *found = bsearch(&key, registry.by_name, registry.n, sizeof(key), by_name);
   if (found == NULL || (reverse && found->pen != 0)) {
      return false;
   }
   *ie = *found;
   ie->pen = reverse ? FC_PEN_REVERSE : ie->pen;
   return true;
}

bool fc_registry_numbered(uint32_t pen, uint16_t id, struct fc_ie *ie)
{
   load_once();
   struct fc_ie key = {.pen = pen == FC_PEN_REVERSE ? 0 : pen, .id = id};
   const struct fc_ie *found = bsearch(&key, registry.by_number, registry.n, sizeof(key), by_number);
   if (found == NULL) {
      return false;
   }
   *ie = *found;
   ie->pen = pen;
   return true;
}
