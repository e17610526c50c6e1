/* SPDX-License-Identifier: BSD-3-Clause */
#include "programs.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORIES 2
#define MAX_NAME    32 /* names that are longer are near to none */
#define MAX_NEAR    3
#define LINE        100
#define COLUMN      22

/* -------------------------------------------------------------------- finding */

/* The directory of this program; in a build tree its programs are beside each other in BUILD/bin only. */
static bool own_directory(char *path)
{
   char self[PATH_MAX], built[PATH_MAX + 16], target[PATH_MAX];
   if (realpath("/proc/self/exe", self) == NULL) {
      return false;
   }
   *strrchr(self, '/') = 0;
   snprintf(built, sizeof(built), "%s/../bin/nemea", self);
   if (realpath(built, target) != NULL) {
      *strrchr(target, '/') = 0;
      if (strcmp(self, target) == 0) {
         *strrchr(built, '/') = 0;
         return realpath(built, path) != NULL;
      }
   }
   strcpy(path, self);
   return true;
}

/* \return how many of them there are */
static unsigned directories(char paths[DIRECTORIES][PATH_MAX])
{
   const char *set = getenv("NEMEA_BIN");
   unsigned n = 0;
   if (set != NULL && *set != 0 && realpath(set, paths[n]) != NULL) {
      n++;
   }
   return n + own_directory(paths[n]);
}

static bool runnable(const char *directory, const char *name, char *path, size_t size)
{
   struct stat st;
   int n = snprintf(path, size, "%s/%s", directory, name);
   return n > 0 && (size_t) n < size && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
          access(path, X_OK) == 0;
}

bool program_find(const char *name, char *path, size_t size)
{
   char paths[DIRECTORIES][PATH_MAX];
   if (*name == 0 || *name == '.' || strchr(name, '/') != NULL) {
      return false;
   }
   for (unsigned i = 0, n = directories(paths); i < n; i++) {
      if (runnable(paths[i], name, path, size)) {
         return true;
      }
   }
   return false;
}

/* -------------------------------------------------------------------- listing */

/* Modules, but not what is named after this program, scripts and hidden files. */
static int is_module(const struct dirent *e)
{
   const char *dot = strrchr(e->d_name, '.');
   return *e->d_name != '.' && (dot == NULL || (strcmp(dot, ".sh") != 0 && strcmp(dot, ".py") != 0)) &&
          strncmp(e->d_name, "nemea", 5) != 0;
}

/* Calls what(context, name) with each module of each directory, those of $NEMEA_BIN first. */
static void each_module(void (*what)(void *context, const char *name), void *context)
{
   char paths[DIRECTORIES][PATH_MAX], path[PATH_MAX];
   for (unsigned i = 0, n = directories(paths); i < n; i++) {
      struct dirent **entries;
      int count = scandir(paths[i], &entries, is_module, alphasort);
      for (int k = 0; k < count; k++) {
         bool hidden = i > 0 && runnable(paths[0], entries[k]->d_name, path, sizeof(path));
         if (!hidden && runnable(paths[i], entries[k]->d_name, path, sizeof(path))) {
            what(context, entries[k]->d_name);
         }
         free(entries[k]);
      }
      if (count >= 0) {
         free(entries);
      }
   }
}

struct lines {
   FILE *to;
   int column;
};

static void put_name(void *context, const char *name)
{
   struct lines *l = context;
   int gap = l->column > 0 ? COLUMN - (l->column - 1) % COLUMN : 2;
   if (l->column + gap + (int) strlen(name) > LINE) {
      fputc('\n', l->to);
      l->column = 0;
      gap = 2;
   }
   l->column += fprintf(l->to, "%*s%s", gap, "", name);
}

void program_list(FILE *to)
{
   struct lines l = {.to = to};
   each_module(put_name, &l);
   if (l.column > 0) {
      fputc('\n', to);
   }
}

/* ----------------------------------------------------------------- near names */

struct near {
   const char *name;
   char *to;
   size_t size;
   unsigned found;
};

/* How many letters have to be changed, added or removed to make b of a. */
static unsigned distance(const char *a, const char *b)
{
   unsigned row[MAX_NAME + 1];
   size_t n = strlen(b);
   if (n > MAX_NAME) {
      return UINT_MAX;
   }
   for (unsigned k = 0; k <= n; k++) {
      row[k] = k;
   }
   for (unsigned i = 1; a[i - 1] != 0; i++) {
      unsigned diagonal = row[0];
      row[0] = i;
      for (size_t k = 1; k <= n; k++) {
         unsigned changed = diagonal + (a[i - 1] != b[k - 1]);
         unsigned other = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
         diagonal = row[k];
         row[k] = changed < other ? changed : other;
      }
   }
   return row[n];
}

/* A quarter of the letters may be wrong, and one more; and the beginning of a name is near to it. */
static void add_near(void *context, const char *name)
{
   struct near *near = context;
   size_t length = strlen(near->name), used = strlen(near->to);
   bool begins = length >= 3 && strncmp(name, near->name, length) == 0;
   if (near->found < MAX_NEAR && (begins || distance(near->name, name) <= 1 + length / 4)) {
      snprintf(near->to + used, near->size - used, "%s%s", near->found > 0 ? " or " : "", name);
      near->found++;
   }
}

void program_near(const char *name, const char *const names[], size_t n, char *to, size_t size)
{
   struct near near = {.name = name, .to = to, .size = size};
   *to = 0;
   if (strlen(name) > MAX_NAME) {
      return;
   }
   for (size_t i = 0; i < n; i++) {
      add_near(&near, names[i]);
   }
   each_module(add_near, &near);
}
