/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define FILE_MAX (SESSIONS_MAX * 64)

static bool make_token(char token[TOKEN_SIZE])
{
   unsigned char bytes[TOKEN_DIGITS / 2];
   if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes)) {
      return false;
   }
   for (size_t i = 0; i < sizeof(bytes); i++) {
      snprintf(token + 2 * i, 3, "%02x", bytes[i]);
   }
   return true;
}

/* Replaces a file as a whole; only its owner can read it. */
static bool write_file(const char *path, const char *text)
{
   char new_path[4096];
   size_t length = strlen(text);
   if (snprintf(new_path, sizeof(new_path), "%s.new", path) >= (int) sizeof(new_path)) {
      errno = ENAMETOOLONG;
      return false;
   }
   (void) unlink(new_path); /* of an earlier process that was killed */
   int fd = open(new_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
   bool written = fd >= 0 && write(fd, text, length) == (ssize_t) length;
   if (fd >= 0 && close(fd) != 0) {
      written = false;
   }
   if (written && rename(new_path, path) == 0) {
      return true;
   }
   if (fd >= 0) {
      int failed = errno;
      (void) unlink(new_path);
      errno = failed;
   }
   return false;
}

static bool new_token(struct sessions *s)
{
   char token[TOKEN_SIZE] = "", line[TOKEN_SIZE + 1];
   bool made = make_token(token);
   pthread_mutex_lock(&s->lock);
   memcpy(s->token, made ? token : "", made ? TOKEN_SIZE : 1);
   pthread_mutex_unlock(&s->lock);
   snprintf(line, sizeof(line), "%s\n", token);
   return made && (s->token_file == NULL || write_file(s->token_file, line));
}

void sessions_token(struct sessions *s, char token[TOKEN_SIZE])
{
   pthread_mutex_lock(&s->lock);
   memcpy(token, s->token, TOKEN_SIZE);
   pthread_mutex_unlock(&s->lock);
}

static void save(const struct sessions *s)
{
   char text[FILE_MAX] = "";
   size_t n = 0;
   for (unsigned i = 0; i < SESSIONS_MAX; i++) {
      if (s->list[i].id[0] != 0) {
         n += (size_t) snprintf(text + n, sizeof(text) - n, "%s %lld\n", s->list[i].id,
                                (long long) s->list[i].used);
      }
   }
   if (s->file != NULL && !write_file(s->file, text)) {
      fprintf(stderr, "nemea_page: sessions cannot be kept in %s: %s\n", s->file, strerror(errno));
   }
}

/* Of an earlier process. What is not in its form is left out. */
static void load(struct sessions *s, int64_t now)
{
   char text[FILE_MAX + 1];
   int fd = open(s->file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
   ssize_t size = fd >= 0 ? read(fd, text, FILE_MAX) : -1;
   unsigned n = 0;
   if (fd >= 0) {
      close(fd);
   }
   text[size > 0 ? size : 0] = 0;
   for (char *line = text; *line != 0 && n < SESSIONS_MAX;) {
      size_t length = strcspn(line, "\n");
      char *end = NULL;
      if (length > TOKEN_DIGITS + 1 && guard_is_token(line, TOKEN_DIGITS)) {
         long long used = strtoll(line + TOKEN_DIGITS, &end, 10);
         if (end == line + length && used <= now && now - used < SESSION_SECONDS) {
            memcpy(s->list[n].id, line, TOKEN_DIGITS);
            s->list[n++].used = used;
         }
      }
      line += length + (line[length] == '\n');
   }
}

bool sessions_open(struct sessions *s, const char *file, int64_t now, char *why, size_t size)
{
   memset(s, 0, sizeof(*s));
   pthread_mutex_init(&s->lock, NULL);
   if (file != NULL) {
      s->token_file = strdup(file);
      if (s->token_file == NULL || asprintf(&s->file, "%s.sessions", file) < 0) {
         s->file = NULL;
         snprintf(why, size, "out of memory");
         return false;
      }
      load(s, now);
   }
   if (!new_token(s)) {
      snprintf(why, size, "the token cannot be written to %s: %s", file != NULL ? file : "memory",
               strerror(errno));
      return false;
   }
   return true;
}

void sessions_close(struct sessions *s)
{
   if (s->file != NULL && sessions_count(s) > 0) {
      save(s);
   }
   free(s->token_file);
   free(s->file);
   pthread_mutex_destroy(&s->lock);
   memset(s, 0, sizeof(*s));
}

const char *sessions_exchange(struct sessions *s, const char *token, int64_t now)
{
   struct session *place = &s->list[0];
   if (s->token[0] == 0 || !guard_same(token, s->token)) {
      return NULL;
   }
   for (unsigned i = 0; i < SESSIONS_MAX;
        i++) { /* a free place, or that of the session that was silent for longest */
      if (s->list[i].used < place->used) {
         place = &s->list[i];
      }
   }
   if (!new_token(s)) {
      fprintf(stderr, "nemea_page: the next token cannot be written to %s: %s\n",
              s->token_file != NULL ? s->token_file : "memory", strerror(errno));
   }
   if (!make_token(place->id)) {
      place->id[0] = 0;
      return NULL;
   }
   place->used = now;
   save(s);
   return place->id;
}

bool sessions_touch(struct sessions *s, const char *id, int64_t now)
{
   bool found = false;
   for (unsigned i = 0; i < SESSIONS_MAX; i++) {
      struct session *session = &s->list[i];
      if (session->id[0] != 0 && now - session->used >= SESSION_SECONDS) {
         memset(session, 0, sizeof(*session));
      }
      if (session->id[0] != 0 && guard_same(id, session->id)) {
         session->used = now;
         found = true;
      }
   }
   return found;
}

void sessions_end(struct sessions *s, const char *id)
{
   for (unsigned i = 0; i < SESSIONS_MAX; i++) {
      if (s->list[i].id[0] != 0 && guard_same(id, s->list[i].id)) {
         memset(&s->list[i], 0, sizeof(s->list[i]));
         save(s);
      }
   }
}

unsigned sessions_count(const struct sessions *s)
{
   unsigned n = 0;
   for (unsigned i = 0; i < SESSIONS_MAX; i++) {
      n += s->list[i].id[0] != 0;
   }
   return n;
}
