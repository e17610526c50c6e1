/* SPDX-License-Identifier: BSD-3-Clause */
#include "flows.h"
#include "upstream.h"
#include "work.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT    15000 /* ms */
#define OUTPUT_MAX (4u << 20)
#define WORDS_MAX  32

/* \return the process; -1: errno */
static pid_t start(const char *nemea, char *const argv[], int out, int err)
{
   posix_spawn_file_actions_t actions;
   posix_spawnattr_t attributes;
   sigset_t none;
   pid_t pid = -1;
   static char *const environment[] = {"LC_ALL=C.UTF-8", "TZ=UTC", NULL};
   sigemptyset(&none);
   posix_spawn_file_actions_init(&actions);
   posix_spawnattr_init(&attributes);
   posix_spawnattr_setsigmask(&attributes, &none);
   posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
   posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
   posix_spawn_file_actions_adddup2(&actions, out, 1);
   posix_spawn_file_actions_adddup2(&actions, err, 2);
   int rc = posix_spawn(&pid, nemea, &actions, &attributes, argv, environment);
   posix_spawn_file_actions_destroy(&actions);
   posix_spawnattr_destroy(&attributes);
   errno = rc;
   return rc == 0 ? pid : -1;
}

struct output {
   char *text;
   size_t size, max;
   int fd; /* -1: it has ended */
};

/* \return false: no memory */
static bool read_output(struct output *o)
{
   char buffer[16384];
   ssize_t n = read(o->fd, buffer, sizeof(buffer));
   if (n <= 0) {
      close(o->fd);
      o->fd = -1;
      return true;
   }
   size_t room = o->max - o->size, take = (size_t) n < room ? (size_t) n : room;
   char *more = realloc(o->text, o->size + take + 1);
   if (more == NULL) {
      return false;
   }
   o->text = more;
   memcpy(o->text + o->size, buffer, take);
   o->size += take;
   o->text[o->size] = 0;
   return true;
}

/* Reads both outputs to their ends. \return false: it took too long */
static bool read_all(struct output o[2])
{
   int64_t deadline = now_ms() + TIMEOUT;
   while (o[0].fd >= 0 || o[1].fd >= 0) {
      struct pollfd p[2] = {{.fd = o[0].fd, .events = POLLIN}, {.fd = o[1].fd, .events = POLLIN}};
      int64_t left = deadline - now_ms();
      int n = left > 0 ? poll(p, 2, (int) left) : 0;
      if (n == 0 || (n < 0 && errno != EINTR)) {
         return false;
      }
      for (unsigned i = 0; n > 0 && i < 2; i++) {
         if (o[i].fd >= 0 && p[i].revents != 0 && !read_output(&o[i])) {
            return false;
         }
      }
   }
   return true;
}

static json_t *rows_of(const char *text)
{
   json_t *rows = json_array();
   while (text != NULL && *text != 0) {
      size_t length = strcspn(text, "\n");
      json_t *row = text[length] == '\n' ? json_loadb(text, length, 0, NULL) : NULL;
      if (row != NULL) {
         json_array_append_new(rows, row);
      }
      text += length + (text[length] == '\n');
   }
   return rows;
}

static unsigned run(const char *nemea, char *const argv[], json_t **answer)
{
   int out[2] = {-1, -1}, err[2] = {-1, -1}, status = 0;
   pid_t pid = -1;
   if (pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0) {
      pid = start(nemea, argv, out[1], err[1]);
   }
   int failed = errno;
   for (unsigned i = 0; i < 2; i++) {
      int fd = i == 0 ? out[1] : err[1];
      if (fd >= 0) {
         close(fd);
      }
   }
   struct output o[2] = {{.fd = out[0], .max = OUTPUT_MAX}, {.fd = err[0], .max = 1024}};
   bool whole = pid >= 0 && read_all(o);
   for (unsigned i = 0; i < 2; i++) {
      if (o[i].fd >= 0) {
         close(o[i].fd);
      }
   }
   if (pid >= 0 && !whole) {
      kill(pid, SIGKILL);
   }
   while (pid >= 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
   }
   unsigned http = 503;
   if (pid < 0) {
      *answer = work_error(strerror(failed));
   } else if (!whole) {
      *answer = work_error("the search took too long: ask for a shorter time");
   } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      *answer = work_error(o[1].size > 0 ? o[1].text : "nemea flows ended without a word");
   } else {
      *answer = json_pack("{s:o}", "rows", rows_of(o[0].text));
      http = 200;
   }
   free(o[0].text);
   free(o[1].text);
   return http;
}

unsigned flows_ask(const char *nemea, const char *archive, const json_t *words, json_t **answer)
{
   char directory[4096 + 16];
   char *argv[WORDS_MAX + 1];
   unsigned n = 0;
   size_t i;
   json_t *word;
   struct stat st;
   if (archive == NULL || stat(archive, &st) != 0) {
      char text[4400] = "the page was started without an archive of flows (--archive)";
      if (archive != NULL) {
         snprintf(text, sizeof(text), "there is no archive of flows: %s: %s", archive, strerror(errno));
      }
      *answer = work_error(text);
      json_object_set_new(*answer, "source", json_string("flow_archive"));
      return 503;
   }
   snprintf(directory, sizeof(directory), "--archive=%s", archive);
   argv[n++] = (char[]){"nemea"};
   argv[n++] = (char[]){"flows"};
   argv[n++] = directory;
   argv[n++] = (char[]){"--json"};
   json_array_foreach(words, i, word)
   {
      if (n < WORDS_MAX) {
         argv[n++] = (char *) (uintptr_t) json_string_value(word);
      }
   }
   argv[n] = NULL;
   return run(nemea, argv, answer);
}
