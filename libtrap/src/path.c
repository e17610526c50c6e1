/* SPDX-License-Identifier: BSD-3-Clause */
/** File names from IFC_SPEC: ~, $NAME, ${NAME} and globs. No shell, no command substitution. */
#include "internal.h"

#include <ctype.h>
#include <glob.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct text {
   char data[PATH_MAX];
   size_t length;
};

static bool add(struct text *t, const char *s, size_t n)
{
   if (n >= sizeof(t->data) - t->length) {
      return false;
   }
   memcpy(t->data + t->length, s, n);
   t->length += n;
   t->data[t->length] = 0;
   return true;
}

static bool add_home(struct text *t)
{
   const char *home = getenv("HOME");
   if (home == NULL || *home == 0) {
      const struct passwd *pw = getpwuid(getuid());
      home = pw != NULL ? pw->pw_dir : "";
   }
   return add(t, home, strlen(home));
}

/* p points to the text after '$'. \return the text after the name, NULL if the value does not fit */
static const char *add_variable(struct text *t, const char *p)
{
   char name[256];
   bool braces = *p == '{';
   size_t n = 0;
   p += braces;
   while ((isalnum((unsigned char) p[n]) || p[n] == '_') && n < sizeof(name) - 1) {
      name[n] = p[n];
      n++;
   }
   name[n] = 0;
   if (n == 0 || (braces && p[n] != '}')) {
      return add(t, "$", 1) ? p - braces : NULL;
   }
   const char *value = getenv(name);
   if (value != NULL && !add(t, value, strlen(value))) {
      return NULL;
   }
   return p + n + braces;
}

int paths_expand(const char *pattern, bool globs, char ***paths)
{
   struct text t = {.length = 0};
   const char *p = pattern;
   bool quoted = false;
   if (p[0] == '~' && (p[1] == '/' || p[1] == 0)) {
      if (!add_home(&t)) {
         return -1;
      }
      p++;
   }
   while (*p != 0) {
      if (*p == '\\' && spec_special(p[1])) {
         /* glob(3) takes the backslash off what is special to it. */
         bool keep = globs && strchr("*?[]\\", p[1]) != NULL;
         if (!add(&t, keep ? p : p + 1, keep ? 2 : 1)) {
            return -1;
         }
         quoted |= keep;
         p += 2;
      } else if (*p == '$') {
         p = add_variable(&t, p + 1);
         if (p == NULL) {
            return -1;
         }
      } else if (!add(&t, p++, 1)) {
         return -1;
      }
   }
   glob_t g;
   memset(&g, 0, sizeof(g));
   size_t n = globs && glob(t.data, quoted ? 0 : GLOB_NOCHECK, NULL, &g) == 0 ? g.gl_pathc : 0;
   if (n == 0 && quoted) {
      spec_unquote(t.data);
   }
   char **list = calloc(n + 2, sizeof(*list));
   if (list == NULL) {
      globfree(&g);
      return -1;
   }
   for (size_t i = 0; i < n; i++) {
      list[i] = strdup(g.gl_pathv[i]);
   }
   if (n == 0) {
      list[n++] = strdup(t.data);
   }
   globfree(&g);
   *paths = list;
   for (size_t i = 0; i < n; i++) {
      if (list[i] == NULL) {
         paths_free(list, (int) n);
         *paths = NULL;
         return -1;
      }
   }
   return (int) n;
}

void paths_free(char **paths, int n)
{
   for (int i = 0; paths != NULL && i < n; i++) {
      free(paths[i]);
   }
   free(paths);
}
