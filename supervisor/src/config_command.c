/* SPDX-License-Identifier: BSD-3-Clause */
/** The command line of a module: its name, its params split into words, and -i with all its interfaces. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One argument, from *p on. Quotes group only where an argument begins, and end it. \return its length, -1: why */
static long next_argument(const char **p, const char **begin, char *why, size_t size)
{
   const char *s = *p;
   if (*s != '"' && *s != '\'') {
      size_t n = strcspn(s, " \"'");
      if (s[n] == '"' || s[n] == '\'') {
         (void) snprintf(why, size, "a quote inside the word \"%.*s\", expected it where a word begins",
                         (int) (n < 100 ? n : 100), s);
         return -1;
      }
      *begin = s;
      *p = s + n;
      return (long) n;
   }
   char quote[2] = {*s, 0};
   size_t n = strcspn(s + 1, quote);
   if (s[1 + n] == 0) {
      (void) snprintf(why, size, "no closing quote after %.100s", s);
      return -1;
   }
   if (n == 0) {
      (void) snprintf(why, size, "empty quotes");
      return -1;
   }
   if (*quote == '"' && memchr(s + 1, '\'', n) != NULL) {
      (void) snprintf(why, size, "an apostrophe inside the quotes of \"%.*s\"", (int) (n < 100 ? n : 100),
                      s + 1);
      return -1;
   }
   *begin = s + 1;
   *p = s + n + 2;
   return (long) n;
}

#define NO_SPLIT SIZE_MAX

/* Adds the words of params to argv[n...]. \return how many there are then, NO_SPLIT: why */
static size_t split(const char *params, char **argv, size_t n, char *why, size_t size)
{
   const char *p = params, *begin;
   for (p += strspn(p, " "); *p != 0; p += strspn(p, " ")) {
      if (n > CONFIG_ARGUMENTS) {
         (void) snprintf(why, size, "more than %d arguments", CONFIG_ARGUMENTS);
         return NO_SPLIT;
      }
      long length = next_argument(&p, &begin, why, size);
      if (length < 0) {
         return NO_SPLIT;
      }
      argv[n] = strndup(begin, (size_t) length);
      if (argv[n++] == NULL) {
         (void) snprintf(why, size, "no memory");
         return NO_SPLIT;
      }
   }
   return n;
}

static bool is_number(const char *s)
{
   return *s != 0 && s[strspn(s, "0123456789")] == 0;
}

/* "host,port" of the old form is "host:port"; "port,clients" of an output is "port:max_clients=clients". */
static void write_interface(FILE *to, const struct config_interface *i)
{
   const char *params = i->params != NULL ? i->params : "", *comma = strchr(params, ',');
   (void) fprintf(to, "%c:", config_type_letter(i->type));
   if (comma == NULL) {
      (void) fputs(params, to);
   } else {
      bool clients = i->direction == DIRECTION_OUT && (i->type == TYPE_TCP || i->type == TYPE_UNIX) &&
                     is_number(comma + 1);
      (void) fprintf(to, "%.*s:%s%s", (int) (comma - params), params, clients ? "max_clients=" : "",
                     comma + 1);
   }
}

char *config_ifc_spec(const struct config_module *m)
{
   char *text = NULL;
   size_t length;
   FILE *to = open_memstream(&text, &length);
   if (to == NULL) {
      return NULL;
   }
   const char *between = "";
   for (int direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
      for (uint32_t i = 0; i < m->n_interfaces; i++) {
         if ((int) m->interfaces[i].direction == direction && m->interfaces[i].type != TYPE_NONE) {
            (void) fputs(between, to);
            write_interface(to, &m->interfaces[i]);
            between = ",";
         }
      }
   }
   if (fclose(to) != 0) {
      free(text);
      return NULL;
   }
   return text;
}

void config_command_free(char **argv)
{
   for (char **p = argv; p != NULL && *p != NULL; p++) {
      free(*p);
   }
   free(argv);
}

char **config_command(const struct config_module *m, char *why, size_t size)
{
   char **argv = calloc(CONFIG_ARGUMENTS + 4, sizeof(*argv));
   size_t n = NO_SPLIT;
   (void) snprintf(why, size, "no memory");
   if (argv != NULL && (argv[0] = strdup(m->name)) != NULL) {
      n = split(m->params != NULL ? m->params : "", argv, 1, why, size);
   }
   if (n != NO_SPLIT && m->n_interfaces > 0) {
      argv[n] = strdup("-i");
      if (argv[n] != NULL) {
         argv[n + 1] = config_ifc_spec(m);
      }
      n = argv[n] != NULL && argv[n + 1] != NULL ? n + 2 : NO_SPLIT;
   }
   if (n == NO_SPLIT) {
      config_command_free(argv);
      return NULL;
   }
   return argv;
}

char **config_words(const char *text, char *why, size_t size)
{
   char **words = calloc(CONFIG_ARGUMENTS + 4, sizeof(*words));
   (void) snprintf(why, size, "no memory");
   if (words != NULL && split(text, words, 0, why, size) == NO_SPLIT) {
      config_command_free(words);
      return NULL;
   }
   return words;
}
