/* SPDX-License-Identifier: BSD-3-Clause */
/** The Munin plugin nemea_ipfixcol2: counters of the outputs of ipfixcol2, or of any module whose service socket is named like its. */
#include "old_tools.h"

#include "socket_path.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PREFIX  "trap-ipfixcol2_"
#define SUFFIX  ".sock"
#define MODULES 64   /* sockets that are asked */
#define TIMEOUT 2000 /* ms for all of them */
#define REPLY   (1u << 20)

static const struct {
   const char *name, *label, *type, *key;
} fields[] = {{"sent", "sent messages", "DERIVE", "sent-messages"},
              {"drop", "dropped messages", "DERIVE", "dropped-messages"},
              {"sb", "sent buffers", "DERIVE", "buffers"},
              {"af", "autoflushes", "DERIVE", "autoflushes"},
              {"numcli", "clients", "GAUGE", "num_clients"}};

static uint64_t now_ms(void)
{
   struct timespec t;
   (void) clock_gettime(CLOCK_MONOTONIC, &t);
   return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000;
}

/* Reads all of it before the deadline. */
static bool read_all(int fd, void *to, size_t size, uint64_t deadline)
{
   for (size_t got = 0; got < size;) {
      struct pollfd p = {.fd = fd, .events = POLLIN};
      uint64_t now = now_ms();
      if (now >= deadline || poll(&p, 1, (int) (deadline - now)) <= 0) {
         return false;
      }
      ssize_t n = recv(fd, (char *) to + got, size - got, MSG_DONTWAIT);
      if (n <= 0) {
         return false;
      }
      got += (size_t) n;
   }
   return true;
}

/* The statistics of a module, as its service socket gives them. \return NULL: none */
static json_t *ask(int fd, uint64_t deadline)
{
   uint8_t header[8] = {10};
   uint32_t size = 0;
   json_t *o = NULL;
   if (send(fd, header, sizeof(header), MSG_NOSIGNAL) != (ssize_t) sizeof(header) ||
       !read_all(fd, header, sizeof(header), deadline)) {
      return NULL;
   }
   memcpy(&size, header + 4, sizeof(size));
   char *text = header[0] == 12 && size > 0 && size <= REPLY ? malloc(size) : NULL;
   if (text != NULL && read_all(fd, text, size, deadline)) {
      o = json_loadb(text, size - 1, 0, NULL);
   }
   free(text);
   return o;
}

/* Munin's names are made of few characters. */
static void print_name(const char *id)
{
   for (; *id != 0; id++) {
      bool plain = (*id >= 'a' && *id <= 'z') || (*id >= 'A' && *id <= 'Z') || (*id >= '0' && *id <= '9');
      putchar(plain ? *id : '_');
   }
}

static long long number(const json_t *o, const char *key)
{
   const json_t *v = json_object_get(o, key);
   return json_is_string(v) ? strtoll(json_string_value(v), NULL, 10) : (long long) json_integer_value(v);
}

/* \return whether there was an output */
static bool print_outputs(const json_t *module, bool config)
{
   size_t i;
   json_t *o;
   json_array_foreach(json_object_get(module, "out"), i, o)
   {
      const char *id = json_string_value(json_object_get(o, "ifc_id"));
      id = id != NULL ? id : "none";
      fputs("multigraph ipfixcol2_", stdout);
      print_name(id);
      if (config) {
         fputs("\ngraph_title ipfixcol2 output ", stdout);
         print_name(id);
         fputs("\ngraph_vlabel count\ngraph_category nemea_supervisor", stdout);
      }
      putchar('\n');
      for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++) {
         if (config) {
            printf("%s.label %s\n%s.type %s\n%s.min 0\n", fields[k].name, fields[k].label, fields[k].name,
                   fields[k].type, fields[k].name);
         } else {
            printf("%s.value %lld\n", fields[k].name, number(o, fields[k].key));
         }
      }
      putchar('\n');
   }
   return json_array_size(json_object_get(module, "out")) > 0;
}

static int by_text(const void *a, const void *b)
{
   return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The names of sockets, "ipfixcol2_...", without their directories; each once, sorted. */
static size_t find_names(const struct socket_dirs *dirs, char **names)
{
   size_t n = 0, kept = 0;
   for (uint32_t i = 0; i < dirs->n; i++) {
      DIR *dir = opendir(dirs->dir[i]);
      for (struct dirent *e; dir != NULL && n < MODULES && (e = readdir(dir)) != NULL;) {
         size_t length = strlen(e->d_name), around = strlen("trap-") + strlen(SUFFIX);
         if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0 && length > around &&
             strcmp(e->d_name + length - strlen(SUFFIX), SUFFIX) == 0 &&
             (names[n] = strndup(e->d_name + strlen("trap-"), length - around)) != NULL) {
            n++;
         }
      }
      if (dir != NULL) {
         (void) closedir(dir);
      }
   }
   qsort(names, n, sizeof(*names), by_text);
   for (size_t i = 0; i < n; i++) {
      if (kept > 0 && strcmp(names[kept - 1], names[i]) == 0) {
         free(names[i]);
      } else {
         names[kept++] = names[i];
      }
   }
   return kept;
}

static int print_all(bool config)
{
   static char *names[MODULES];
   struct socket_dirs dirs;
   char why[SOCKET_REASON_SIZE];
   uint64_t deadline = now_ms() + TIMEOUT;
   bool any = false;
   if (socket_dirs_init(&dirs, DEFAULT_SOCKET_DIR, why) != 0) {
      fprintf(stderr, "nemea_ipfixcol2: %s\n", why);
      return EXIT_FAILURE;
   }
   size_t n = find_names(&dirs, names);
   for (size_t i = 0; i < n; i++) {
      int fd = socket_connect(&dirs, names[i], why);
      json_t *module = fd >= 0 ? ask(fd, deadline) : NULL;
      if (module == NULL) {
         fprintf(stderr, "nemea_ipfixcol2: no statistics from " PREFIX "%s" SUFFIX "%s%s\n",
                 names[i] + strlen("ipfixcol2_"), fd < 0 ? ": " : "", fd < 0 ? why : "");
      } else {
         any |= print_outputs(module, config);
      }
      json_decref(module);
      if (fd >= 0) {
         close(fd);
      }
      free(names[i]);
   }
   if (n == 0) {
      fputs("nemea_ipfixcol2: there is no socket " PREFIX "*" SUFFIX
            " where modules have theirs (TRAP_SOCKET_DIR)\n",
            stderr);
   }
   socket_dirs_free(&dirs);
   return any ? EXIT_SUCCESS : EXIT_FAILURE;
}

int old_ipfixcol2(int argc, char **argv)
{
   bool config;
   int status =
       old_munin_argument("nemea_ipfixcol2 [config|autoconf|suggest]\n\nA plugin of Munin: the outputs "
                          "of modules whose service sockets are named " PREFIX "*" SUFFIX ".\n"
                          "$TRAP_SOCKET_DIR: where to look for them",
                          argc, argv, &config);
   return status >= 0 ? status : print_all(config);
}
