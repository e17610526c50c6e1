/* SPDX-License-Identifier: BSD-3-Clause */
/** Lists and configurations in a directory of their own, for unit tests of the blacklist suite. */
#ifndef BLACKLIST_TEST_FILTER_H
#define BLACKLIST_TEST_FILTER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 256

static char test_directory[] = "/tmp/nemea-filter-XXXXXX";

static inline int make_directory(void **state)
{
   (void) state;
   return mkdtemp(test_directory) == NULL;
}

static inline int remove_directory(void **state)
{
   char command[64];
   (void) state;
   snprintf(command, sizeof(command), "rm -r -- %s", test_directory);
   return system(command);
}

/* Valid until the next call. */
static inline char *file_path(const char *name)
{
   static char path[PATH_BYTES];
   snprintf(path, sizeof(path), "%s/%s", test_directory, name);
   return path;
}

static inline void remove_file(const char *name)
{
   unlink(file_path(name));
}

/* A new file each time, so that it is seen as changed however fast the test is. */
static inline void write_file(const char *name, const char *text)
{
   static unsigned versions;
   char temporary[PATH_BYTES];
   snprintf(temporary, sizeof(temporary), "%s/%u", test_directory, versions++);
   FILE *file = fopen(temporary, "we");
   assert_non_null(file);
   fputs(text, file);
   fclose(file);
   assert_int_equal(rename(temporary, file_path(name)), 0);
}

/* Configuration of a filter; two: NULL of filters with one list. "-": none. */
static inline void write_config(const char *one, const char *two, const char *watch)
{
   char text[1024], paths[2][PATH_BYTES] = {"-", "-"};
   const char *names[2] = {one, two};
   for (int i = 0; i < 2; i++) {
      if (names[i] != NULL && strcmp(names[i], "-") != 0) {
         snprintf(paths[i], PATH_BYTES, "%s", file_path(names[i]));
      }
   }
   int n =
       snprintf(text, sizeof(text), "<?xml version=\"1.0\"?><configuration><struct name=\"main struct\">");
   if (two != NULL) {
      snprintf(text + n, sizeof(text) - (size_t) n,
               "<element name=\"ipv4_blacklist_file\">%s</element><element "
               "name=\"ipv6_blacklist_file\">%s</element>"
               "<element name=\"watch_blacklists\">%s</element></struct></configuration>",
               paths[0], paths[1], watch);
   } else {
      snprintf(text + n, sizeof(text) - (size_t) n,
               "<element name=\"blacklist_file\">%s</element><element name=\"watch_blacklists\">%s</element>"
               "</struct></configuration>",
               paths[0], watch);
   }
   write_file("config", text);
}

#endif
