/* SPDX-License-Identifier: BSD-3-Clause */
/** link_traff2json: the traffic of the links since the last call as JSON, for web servers (CGI). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../munin/client.h"
#include "links.h"

#define SOCKET    "/var/run/libtrap/munin_link_traffic"
#define CACHE     "/link_traff2json"
#define NO_NUMBER UINT64_MAX

struct answer {
   char text[MUNIN_MAX_TEXT];
   struct munin_column columns[MUNIN_MAX_COLUMNS];
   int n;
   int64_t time;
};

static const char usage[] =
    "usage: link_traff2json [-s SOCKET] [-c CONFIG] [-o FILE]\n\n"
    "Prints, as a CGI program, what link_traffic counted since the last call, as JSON.\n\n"
    "  -s SOCKET  UNIX socket of link_traffic (default " SOCKET ")\n"
    "  -c CONFIG  its file of links, for their numbers (default " LINKS_DEFAULT ")\n"
    "  -o FILE    where the counters of the last call are (default: link_traff2json in\n"
    "             $CACHE_DIRECTORY, $XDG_CACHE_HOME, $HOME/.cache or /var/cache/nemea)\n";

static int fail(const char *what, const char *name, const char *why)
{
   fprintf(stderr, "link_traff2json: %s %s: %s\n", what, name, why);
   return EXIT_FAILURE;
}

/* The counters of the last call: a line with its time, then the answer as it came. \return false: there are none */
static bool read_cache(const char *path, struct answer *old)
{
   char first[32];
   FILE *file = fopen(path, "re");
   if (file == NULL) {
      return false;
   }
   bool good = fgets(first, sizeof(first), file) != NULL && sscanf(first, "%" SCNd64, &old->time) == 1;
   size_t n = good ? fread(old->text, 1, sizeof(old->text) - 1, file) : 0;
   fclose(file);
   old->text[n] = 0;
   old->n = n > 0 ? munin_columns(old->text, old->columns) : -1;
   return old->n > 0;
}

/* Replaces the file as a whole, so that no reader sees a part. */
static bool write_cache(const char *path, const char *text, int64_t now)
{
   char temporary[PATH_MAX + 8];
   snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
   int fd = mkostemp(temporary, O_CLOEXEC);
   FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
   if (file == NULL) {
      if (fd >= 0) {
         close(fd);
      }
      return false;
   }
   bool good = fprintf(file, "%" PRId64 "\n%s", now, text) > 0;
   good = fclose(file) == 0 && good && rename(temporary, path) == 0;
   if (!good) {
      unlink(temporary);
   }
   return good;
}

/* Not in /tmp, where others could put a link in its place. */
static void default_cache(char path[PATH_MAX])
{
   const char *home = getenv("HOME"), *cache = getenv("CACHE_DIRECTORY");
   cache = cache != NULL ? cache : getenv("XDG_CACHE_HOME");
   if (cache != NULL && *cache == '/') {
      snprintf(path, PATH_MAX, "%.3000s" CACHE, cache);
   } else if (home != NULL && *home == '/' && home[1] != 0) {
      snprintf(path, PATH_MAX, "%.3000s/.cache", home);
      mkdir(path, 0700);
      strcat(path, CACHE);
   } else {
      snprintf(path, PATH_MAX, "/var/cache/nemea" CACHE);
   }
}

/* Links have their numbers in the configuration only. */
static uint64_t number_of(const struct links *links, const char *name)
{
   for (size_t i = 0; i < links->n; i++) {
      if (strcmp(links->link[i].name, name) == 0) {
         return links->link[i].number;
      }
   }
   return NO_NUMBER;
}

static bool read_config(const char *path, struct links *links)
{
   char error[LINKS_ERROR];
   FILE *file = fopen(path, "re");
   links->n = 0;
   if (file == NULL) {
      return fail("configuration", path, strerror(errno)) == EXIT_SUCCESS;
   }
   bool good = links_read(links, file, error);
   fclose(file);
   return good || fail("configuration", path, error) == EXIT_SUCCESS;
}

/* What was counted since the last call; all of it when the module was started again in between. */
static uint64_t difference(const struct answer *old, const struct munin_column *column)
{
   uint64_t value = strtoull(column->value, NULL, 10);
   for (int i = 0; i < old->n; i++) {
      if (strcmp(old->columns[i].name, column->name) == 0) {
         uint64_t before = strtoull(old->columns[i].value, NULL, 10);
         return value >= before ? value - before : value;
      }
   }
   return 0;
}

/* Adds "nix2-in-bytes" as "bytes in" of the link nix2. \return false: it is not so, or no memory */
static bool add_column(json_t *data, const struct links *links, const struct munin_column *column,
                       uint64_t value)
{
   char name[LINK_MAX_NAME + 32], key[32], label[64];
   if (strlen(column->name) >= sizeof(name)) {
      return false;
   }
   strcpy(name, column->name);
   const char *counter = munin_split(name), *direction = munin_split(name);
   if (direction == NULL) {
      return false;
   }
   uint64_t number = number_of(links, name);
   if (number == NO_NUMBER) {
      return true; /* read_config() or main() has said it */
   }
   snprintf(key, sizeof(key), "%" PRIu64, number);
   snprintf(label, sizeof(label), "%.20s %.20s", counter, direction);
   json_t *link = json_object_get(data, key);
   if (link == NULL) {
      link = json_pack("{s:I, s:s}", "link", (json_int_t) number, "link name", name);
      if (json_object_set_new(data, key, link) != 0) {
         return false;
      }
   }
   return json_object_set_new(link, label, json_integer((json_int_t) value)) == 0;
}

static int put_json(const struct links *links, const struct answer *new, const struct answer *old)
{
   json_t *data = json_object();
   bool good = data != NULL;
   for (int i = 0; good && i < new->n; i++) {
      good = add_column(data, links, &new->columns[i], difference(old, &new->columns[i]));
   }
   int64_t before = old->n > 0 ? old->time : new->time;
   json_t *all =
       good ? json_pack("{s:O, s:{s:I, s:I, s:I}}", "data", data, "time", "last", (json_int_t) before, "now",
                        (json_int_t) new->time, "difference", (json_int_t) (new->time - before))
            : NULL;
   char *text = all != NULL ? json_dumps(all, JSON_INDENT(1)) : NULL;
   if (text != NULL) {
      printf("Content-type:application/json\n\n%s\n", text);
   }
   free(text);
   json_decref(all);
   json_decref(data);
   return text == NULL
              ? fail("answer", "of link_traffic", "a name is not LINK-DIRECTION-COUNTER, or out of memory")
          : fflush(stdout) == 0 ? EXIT_SUCCESS
                                : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
   static struct answer new, old;
   static struct links links;
   static char copy[MUNIN_MAX_TEXT];
   char cache[PATH_MAX];
   const char *path = SOCKET, *config = LINKS_DEFAULT, *chosen = NULL;
   for (int c; (c = getopt(argc, argv, "hs:c:o:")) != -1;) {
      switch (c) {
      case 's': path = optarg; break;
      case 'c': config = optarg; break;
      case 'o': chosen = optarg; break;
      case 'h': fputs(usage, stdout); return EXIT_SUCCESS;
      default: return EXIT_FAILURE;
      }
   }
   if (chosen != NULL) {
      snprintf(cache, sizeof(cache), "%s", chosen);
   } else {
      default_cache(cache);
   }
   const char *reason = munin_read(path, new.text);
   if (reason != NULL) {
      return fail("socket", path, reason);
   }
   strcpy(copy, new.text);
   new.time = time(NULL);
   new.n = munin_columns(new.text, new.columns);
   if (new.n < 0) {
      return fail("socket", path, "the answer is not a line of names and a line of values");
   }
   if (!read_config(config, &links)) {
      return EXIT_FAILURE;
   }
   if (!read_cache(cache, &old)) {
      old.n = 0;
   }
   int status = put_json(&links, &new, &old);
   if (status == EXIT_SUCCESS && !write_cache(cache, copy, new.time)) {
      return fail("counters for the next call", cache, strerror(errno));
   }
   return status;
}
