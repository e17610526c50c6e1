/* SPDX-License-Identifier: BSD-3-Clause */
#include "uploads.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define URL_MAX    4096
#define ANSWER_MAX 512 /* bytes of an answer that are kept, for messages */
#define NAME_SIZE  40
#define MAGIC      "NEMEA upload 1\n"

struct upload {
   struct upload *next;
   uint64_t number; /* the name of its file */
   bool sending;    /* by a thread; the others leave it alone */
   char *url;       /* NULL: in the file */
   void *body;      /* NULL: in the file */
   size_t size;
};

/* A server that failed is left alone for a while. */
struct pause {
   char *server;
   int64_t until; /* monotonic, milliseconds */
   unsigned length;
};

#define PAUSES 64

/* A thread that sends. */
struct worker {
   struct uploads *uploads;
   pthread_t thread;
   CURL *curl;
   char error[CURL_ERROR_SIZE], answer[ANSWER_MAX + 1];
   size_t answered;
};

struct uploads {
   struct uploads_options options;
   pthread_mutex_t lock; /* of all that follows, but for what is set before the threads start */
   pthread_cond_t changed;
   struct upload *first, **last;
   uint64_t next_number;
   struct uploads_counts counts;
   bool stop;
   unsigned started, running; /* threads */
   int64_t deadline;
   _Atomic bool cancelled;
   int directory, lock_file;
   struct curl_slist *headers;
   unsigned server; /* of the alternatives */
   struct pause pauses[PAUSES];
   unsigned n_workers;
   struct worker workers[UPLOADS_THREADS];
};

static int64_t now_ms(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* With the lock. */
static void wait_until(struct uploads *u, int64_t at)
{
   struct timespec ts = {.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
   pthread_cond_timedwait(&u->changed, &u->lock, &ts);
}

/* ----------------------------------------------------------------------- files */

static void file_name(uint64_t number, const char *ending, char name[NAME_SIZE])
{
   snprintf(name, NAME_SIZE, "%020" PRIu64 "%s", number, ending);
}

static bool write_all(int fd, const void *data, size_t size)
{
   for (const char *at = data; size > 0;) {
      ssize_t n = write(fd, at, size);
      if (n < 0 && errno == EINTR) {
         continue;
      }
      if (n <= 0) {
         return false;
      }
      at += n;
      size -= (size_t) n;
   }
   return true;
}

/* The address in a line, then the body. It appears under its name when it is whole. */
static bool write_file(struct uploads *u, uint64_t number, const char *url, const void *body, size_t size)
{
   char part[NAME_SIZE], name[NAME_SIZE];
   file_name(number, ".part", part);
   file_name(number, ".upload", name);
   int fd = openat(u->directory, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
   bool done = fd >= 0 && write_all(fd, MAGIC, strlen(MAGIC)) && write_all(fd, url, strlen(url)) &&
               write_all(fd, "\n", 1) && write_all(fd, body, size);
   if (fd >= 0 && close(fd) != 0) {
      done = false;
   }
   done = done && renameat(u->directory, part, u->directory, name) == 0;
   if (!done && fd >= 0) {
      int reason = errno;
      unlinkat(u->directory, part, 0);
      errno = reason;
   }
   return done;
}

static bool read_all(int fd, char *to, size_t size)
{
   for (size_t at = 0; at < size;) {
      ssize_t n = read(fd, to + at, size - at);
      if (n < 0 && errno == EINTR) {
         continue;
      }
      if (n <= 0) {
         return false;
      }
      at += (size_t) n;
   }
   return true;
}

/* Reads a whole file. *body points into the text that is returned. */
static char *read_file(const struct uploads *u, uint64_t number, const char **url, const char **body,
                       size_t *size)
{
   char name[NAME_SIZE];
   struct stat st;
   file_name(number, ".upload", name);
   int fd = openat(u->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
   bool good = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t) strlen(MAGIC);
   char *text = good ? malloc((size_t) st.st_size) : NULL, *end = NULL;
   if (text != NULL && read_all(fd, text, (size_t) st.st_size) && memcmp(text, MAGIC, strlen(MAGIC)) == 0) {
      end = memchr(text + strlen(MAGIC), '\n', (size_t) st.st_size - strlen(MAGIC));
   }
   if (fd >= 0) {
      close(fd);
   }
   if (end == NULL) {
      free(text);
      return NULL;
   }
   *end = 0;
   *url = text + strlen(MAGIC);
   *body = end + 1;
   *size = (size_t) st.st_size - (size_t) (end + 1 - text);
   return text;
}

static void remove_file(struct uploads *u, uint64_t number)
{
   char name[NAME_SIZE];
   if (u->directory >= 0) {
      file_name(number, ".upload", name);
      unlinkat(u->directory, name, 0);
   }
}

/* ------------------------------------------------------------------------ list */

static void free_upload(struct upload *one)
{
   free(one->url);
   free(one->body);
   free(one);
}

static void append(struct uploads *u, struct upload *one)
{
   *u->last = one;
   u->last = &one->next;
   u->counts.waiting++;
   u->counts.waiting_bytes += one->size;
}

/* Takes an element out of the list. */
static void unlink_upload(struct uploads *u, struct upload *one)
{
   struct upload **at = &u->first;
   while (*at != one) {
      at = &(*at)->next;
   }
   *at = one->next;
   if (u->last == &one->next) {
      u->last = at;
   }
   u->counts.waiting--;
   u->counts.waiting_bytes -= one->size;
}

/* The oldest make room, but for those that are being sent. */
static void drop_oldest(struct uploads *u, size_t size)
{
   while (u->counts.waiting_bytes + size > u->options.max_bytes) {
      struct upload *oldest = u->first;
      while (oldest != NULL && oldest->sending) {
         oldest = oldest->next;
      }
      if (oldest == NULL) {
         return;
      }
      unlink_upload(u, oldest);
      remove_file(u, oldest->number);
      free_upload(oldest);
      u->counts.dropped++;
   }
}

static struct upload *new_upload(struct uploads *u, const char *url, void *body, size_t size,
                                 char why[UPLOADS_WHY])
{
   struct upload *one = calloc(1, sizeof(*one));
   bool in_memory = u->directory < 0;
   if (one == NULL || (in_memory && (one->url = strdup(url)) == NULL)) {
      free(one);
      snprintf(why, UPLOADS_WHY, "out of memory");
      return NULL;
   }
   one->size = size;
   one->number = u->next_number;
   if (!in_memory && !write_file(u, one->number, url, body, size)) {
      snprintf(why, UPLOADS_WHY, "%s: %s", u->options.spool, strerror(errno));
      free(one);
      return NULL;
   }
   u->next_number++;
   if (in_memory) {
      one->body = body;
   } else {
      free(body);
   }
   return one;
}

enum uploads_put uploads_put(struct uploads *u, const char *url, void *body, size_t size,
                             char why[UPLOADS_WHY])
{
   if (strlen(url) >= URL_MAX || size > u->options.max_bytes) {
      snprintf(why, UPLOADS_WHY, "a request of %zu bytes is larger than all that may wait", size);
      return UPLOADS_FAILED;
   }
   pthread_mutex_lock(&u->lock);
   bool full = u->counts.waiting_bytes + size > u->options.max_bytes;
   if (full && u->options.full_waits) {
      pthread_mutex_unlock(&u->lock);
      return UPLOADS_FULL;
   }
   drop_oldest(u, size);
   pthread_mutex_unlock(&u->lock);
   struct upload *one = new_upload(u, url, body, size, why);
   if (one == NULL) {
      return UPLOADS_FAILED;
   }
   pthread_mutex_lock(&u->lock);
   append(u, one);
   pthread_cond_broadcast(&u->changed);
   pthread_mutex_unlock(&u->lock);
   return UPLOADS_TAKEN;
}

void uploads_wait(struct uploads *u, unsigned milliseconds)
{
   int64_t until = now_ms() + milliseconds;
   pthread_mutex_lock(&u->lock);
   uint64_t before = u->counts.waiting_bytes;
   while (before != 0 && u->counts.waiting_bytes == before && now_ms() < until) {
      wait_until(u, until);
   }
   pthread_mutex_unlock(&u->lock);
}

void uploads_counts(struct uploads *u, struct uploads_counts *counts)
{
   pthread_mutex_lock(&u->lock);
   *counts = u->counts;
   pthread_mutex_unlock(&u->lock);
}

/* --------------------------------------------------------------------- sending */

static size_t keep_answer(char *data, size_t size, size_t n, void *context)
{
   struct worker *w = context;
   size_t room = ANSWER_MAX - w->answered, all = size * n;
   memcpy(w->answer + w->answered, data, all < room ? all : room);
   w->answered += all < room ? all : room;
   w->answer[w->answered] = 0;
   return all;
}

/* Called several times a second. \return not 0: give up */
static int watch(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
   struct uploads *u = context;
   (void) a, (void) b, (void) c, (void) d;
   return atomic_load(&u->cancelled);
}

enum result { SENT, AGAIN, REJECTED };

static enum result post(struct worker *w, const char *url, const char *body, size_t size,
                        char why[UPLOADS_WHY])
{
   long status = 0;
   w->answered = 0;
   w->answer[0] = w->error[0] = 0;
   if (curl_easy_setopt(w->curl, CURLOPT_URL, url) != CURLE_OK ||
       curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, body) != CURLE_OK ||
       curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) size) != CURLE_OK) {
      snprintf(why, UPLOADS_WHY, "out of memory");
      return AGAIN;
   }
   CURLcode code = curl_easy_perform(w->curl);
   curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
   if (code != CURLE_OK) {
      snprintf(why, UPLOADS_WHY, "%s", w->error[0] != 0 ? w->error : curl_easy_strerror(code));
      return AGAIN;
   }
   if (status >= 200 && status < 300) {
      return SENT;
   }
   w->answer[strcspn(w->answer, "\r\n")] = 0;
   snprintf(why, UPLOADS_WHY, "the server answered with status %ld%s%.200s", status,
            w->answer[0] != 0 ? ": " : "", w->answer);
   return status == 400 || status == 413 || status == 415 || status == 422 ? REJECTED : AGAIN;
}

/* What of an address names the server: up to the first '/' behind "//". */
static size_t server_length(const char *url)
{
   const char *slashes = strstr(url, "//");
   return slashes != NULL ? (size_t) (slashes - url) + 2 + strcspn(slashes + 2, "/?") : strlen(url);
}

/* \return the pause of a server; NULL: it has none */
static struct pause *find_pause(struct uploads *u, const char *url)
{
   size_t n = server_length(url);
   for (unsigned i = 0; i < PAUSES; i++) {
      struct pause *p = &u->pauses[i];
      if (p->server != NULL && strlen(p->server) == n && memcmp(p->server, url, n) == 0) {
         return p;
      }
   }
   return NULL;
}

static void clear_pause(struct pause *p)
{
   if (p != NULL) {
      free(p->server);
      *p = (struct pause){.server = NULL};
   }
}

/* Of more servers than there are places for, the one whose pause ends first is tried early. */
static void set_pause(struct uploads *u, const char *url)
{
   struct pause *p = find_pause(u, url);
   for (unsigned i = 0; p == NULL && i < PAUSES; i++) {
      p = u->pauses[i].server == NULL ? &u->pauses[i] : NULL;
   }
   if (p == NULL) {
      p = &u->pauses[0];
      for (unsigned i = 1; i < PAUSES; i++) {
         p = u->pauses[i].until < p->until ? &u->pauses[i] : p;
      }
      clear_pause(p);
   }
   if (p->server == NULL) {
      p->server = strndup(url, server_length(url));
   }
   p->length = p->length == 0                          ? u->options.first_pause
               : 2 * p->length < u->options.last_pause ? 2 * p->length
                                                       : u->options.last_pause;
   p->until = now_ms() + p->length;
}

/* With the lock: where a request goes. With alternatives: to the present one, or the next that has no pause. \return false: not now; *at is lowered to
 * when its pause ends */
static bool choose(struct uploads *u, const char *url, char full[URL_MAX + URL_MAX], int64_t *at)
{
   unsigned n = 0;
   while (u->options.servers != NULL && u->options.servers[n] != NULL) {
      n++;
   }
   for (unsigned i = 0; i < (n > 0 ? n : 1); i++) {
      const char *server = n > 0 ? u->options.servers[(u->server + i) % n] : "";
      snprintf(full, URL_MAX + URL_MAX, "%s%s", server, url);
      const struct pause *p = find_pause(u, full);
      if (p == NULL || p->until <= now_ms()) {
         u->server = n > 0 ? (u->server + i) % n : 0;
         return true;
      }
      *at = p->until < *at ? p->until : *at;
   }
   return false;
}

static bool choose_locked(struct uploads *u, const char *url, char full[URL_MAX + URL_MAX], int64_t *at)
{
   pthread_mutex_lock(&u->lock);
   bool chosen = choose(u, url, full, at);
   pthread_mutex_unlock(&u->lock);
   return chosen;
}

static void note_result(struct uploads *u, const char *full, enum result result)
{
   pthread_mutex_lock(&u->lock);
   if (result == AGAIN) {
      set_pause(u, full);
   } else {
      clear_pause(find_pause(u, full));
   }
   pthread_mutex_unlock(&u->lock);
}

/* Sends one request, without the lock. */
static enum result try_upload(struct worker *w, const struct upload *one, int64_t *at, bool *tried)
{
   struct uploads *u = w->uploads;
   char full[URL_MAX + URL_MAX], why[UPLOADS_WHY], text[UPLOADS_WHY + URL_MAX];
   const char *url = one->url, *body = one->body;
   size_t size = one->size;
   char *file = url == NULL ? read_file(u, one->number, &url, &body, &size) : NULL;
   *tried = true;
   if (url == NULL) {
      snprintf(text, sizeof(text), "a file of the spool cannot be read: %020" PRIu64 ".upload", one->number);
      u->options.report(u->options.context, text);
      return REJECTED;
   }
   if (!choose_locked(u, url, full, at)) {
      *tried = false;
      free(file);
      return AGAIN;
   }
   enum result result = post(w, full, body, size, why);
   note_result(u, full, result);
   if (result != SENT && !atomic_load(&u->cancelled)) {
      snprintf(text, sizeof(text), "%.*s: %s%s", (int) server_length(full), full, why,
               result == REJECTED ? "; it is given up" : "");
      u->options.report(u->options.context, text);
   }
   free(file);
   return result;
}

/* Goes through the list once, with the lock. \return when the next pause ends */
static int64_t send_all(struct worker *w)
{
   struct uploads *u = w->uploads;
   int64_t at = now_ms() + u->options.last_pause;
   for (struct upload *one = u->first, *next; one != NULL && !atomic_load(&u->cancelled); one = next) {
      bool tried;
      if (one->sending) {
         next = one->next;
         continue;
      }
      one->sending = true;
      pthread_mutex_unlock(&u->lock);
      enum result result = try_upload(w, one, &at, &tried);
      pthread_mutex_lock(&u->lock);
      one->sending = false;
      next = one->next;
      if (result == AGAIN) {
         u->counts.failed += tried;
         int64_t now = now_ms();
         at = tried && now < at ? now : at; /* another server may be there */
         continue;
      }
      u->counts.sent += result == SENT;
      u->counts.rejected += result == REJECTED;
      unlink_upload(u, one);
      remove_file(u, one->number);
      free_upload(one);
      pthread_cond_broadcast(&u->changed);
   }
   return at;
}

static void *run(void *context)
{
   struct worker *w = context;
   struct uploads *u = w->uploads;
   pthread_mutex_lock(&u->lock);
   while (!u->stop || (u->first != NULL && now_ms() < u->deadline)) {
      int64_t at = send_all(w);
      if (u->first == NULL && !u->stop) {
         pthread_cond_wait(&u->changed, &u->lock);
      } else if (u->first != NULL) {
         wait_until(u, u->stop && u->deadline < at ? u->deadline : at);
      }
   }
   u->running--;
   pthread_cond_broadcast(&u->changed);
   pthread_mutex_unlock(&u->lock);
   return NULL;
}

/* ------------------------------------------------------------------------ life */

static bool set_options(struct worker *w)
{
   struct uploads *u = w->uploads;
   const struct uploads_options *o = &u->options;
   CURL *c = w->curl;
#if LIBCURL_VERSION_NUM >= 0x075500
   bool protocols = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
                    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
   bool protocols =
       curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS)) == CURLE_OK &&
       curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS)) == CURLE_OK;
#endif
   return protocols && curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_HTTPHEADER, u->headers) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_USERAGENT, o->agent) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, o->redirects > 0 ? 1L : 0L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_MAXREDIRS, o->redirects) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_POSTREDIR, (long) CURL_REDIR_POST_ALL) == CURLE_OK &&
          (o->ca == NULL || curl_easy_setopt(c, CURLOPT_CAINFO, o->ca) == CURLE_OK) &&
          (o->user == NULL || curl_easy_setopt(c, CURLOPT_USERNAME, o->user) == CURLE_OK) &&
          (o->password == NULL || curl_easy_setopt(c, CURLOPT_PASSWORD, o->password) == CURLE_OK) &&
          curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long) o->timeout) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long) o->timeout) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_ERRORBUFFER, w->error) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep_answer) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_WRITEDATA, w) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, watch) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_XFERINFODATA, u) == CURLE_OK;
}

static bool start_curl(struct uploads *u)
{
   char type[128];
   snprintf(type, sizeof(type), "Content-Type: %s", u->options.content_type);
   if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
      return false;
   }
   u->headers = curl_slist_append(NULL, type);
   struct curl_slist *more = u->headers != NULL ? curl_slist_append(u->headers, "Expect:") : NULL;
   bool good = more != NULL;
   for (unsigned i = 0; good && i < u->n_workers; i++) {
      struct worker *w = &u->workers[i];
      w->uploads = u;
      w->curl = curl_easy_init();
      good = w->curl != NULL && set_options(w);
   }
   return good;
}

static int compare_numbers(const void *a, const void *b)
{
   uint64_t x = (*(struct upload *const *) a)->number, y = (*(struct upload *const *) b)->number;
   return (x > y) - (x < y);
}

/* A file of the spool; what else is there is left alone, but for parts of files. \return NULL: it is no request */
static struct upload *found_file(struct uploads *u, const char *name)
{
   char expected[NAME_SIZE];
   struct stat st;
   uint64_t number = strtoull(name, NULL, 10);
   file_name(number, ".part", expected);
   if (strcmp(name, expected) == 0) {
      unlinkat(u->directory, name, 0);
   }
   file_name(number, ".upload", expected);
   if (strcmp(name, expected) != 0 || fstatat(u->directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
       !S_ISREG(st.st_mode)) {
      return NULL;
   }
   struct upload *one = calloc(1, sizeof(*one));
   if (one != NULL) {
      one->number = number;
      one->size = (size_t) st.st_size;
   }
   return one;
}

/* What an earlier process left. */
static bool read_spool(struct uploads *u)
{
   struct upload **list = NULL;
   size_t n = 0, capacity = 0;
   int fd = dup(u->directory);
   DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
   bool good = dir != NULL;
   for (struct dirent *entry; good && (entry = readdir(dir)) != NULL;) {
      struct upload *one = found_file(u, entry->d_name);
      if (one != NULL && n == capacity) {
         struct upload **more = realloc(list, (2 * capacity + 16) * sizeof(struct upload *));
         good = more != NULL;
         list = good ? more : list;
         capacity = good ? 2 * capacity + 16 : capacity;
      }
      if (one != NULL && good) {
         list[n++] = one;
      } else {
         free(one);
      }
   }
   if (dir != NULL) {
      closedir(dir);
   } else if (fd >= 0) {
      close(fd);
   }
   if (n > 0) {
      qsort(list, n, sizeof(struct upload *), compare_numbers);
   }
   for (size_t i = 0; i < n; i++) {
      append(u, list[i]);
      u->next_number = list[i]->number + 1;
   }
   free(list);
   return good;
}

static bool open_spool(struct uploads *u, char why[UPLOADS_WHY])
{
   const char *path = u->options.spool;
   if (mkdir(path, 0700) != 0 && errno != EEXIST) {
      snprintf(why, UPLOADS_WHY, "cannot make the directory %s: %s", path, strerror(errno));
      return false;
   }
   u->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
   u->lock_file =
       u->directory >= 0 ? openat(u->directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
   if (u->lock_file < 0) {
      snprintf(why, UPLOADS_WHY, "%s: %s", path, strerror(errno));
      return false;
   }
   if (flock(u->lock_file, LOCK_EX | LOCK_NB) != 0) {
      snprintf(why, UPLOADS_WHY, "%s: another process has it", path);
      return false;
   }
   if (!read_spool(u)) {
      snprintf(why, UPLOADS_WHY, "%s: %s", path, strerror(errno));
      return false;
   }
   return true;
}

static void free_uploads(struct uploads *u)
{
   for (struct upload *one = u->first, *next; one != NULL; one = next) {
      next = one->next;
      free_upload(one);
   }
   for (unsigned i = 0; i < PAUSES; i++) {
      clear_pause(&u->pauses[i]);
   }
   for (unsigned i = 0; i < u->n_workers; i++) {
      curl_easy_cleanup(u->workers[i].curl);
   }
   curl_slist_free_all(u->headers);
   curl_global_cleanup();
   if (u->lock_file >= 0) {
      close(u->lock_file);
   }
   if (u->directory >= 0) {
      close(u->directory);
   }
   pthread_cond_destroy(&u->changed);
   pthread_mutex_destroy(&u->lock);
   free(u);
}

/* Signals are for the module's thread. \return false: there is not even one thread */
static bool start_threads(struct uploads *u)
{
   sigset_t all, old;
   sigfillset(&all);
   pthread_sigmask(SIG_SETMASK, &all, &old);
   pthread_mutex_lock(&u->lock);
   while (u->running < u->n_workers &&
          pthread_create(&u->workers[u->running].thread, NULL, run, &u->workers[u->running]) == 0) {
      u->running++;
   }
   u->started = u->running;
   pthread_mutex_unlock(&u->lock);
   pthread_sigmask(SIG_SETMASK, &old, NULL);
   return u->started > 0;
}

struct uploads *uploads_start(const struct uploads_options *options, char why[UPLOADS_WHY])
{
   pthread_condattr_t monotonic;
   struct uploads *u = calloc(1, sizeof(*u));
   if (u == NULL) {
      snprintf(why, UPLOADS_WHY, "out of memory");
      return NULL;
   }
   u->options = *options;
   u->n_workers = options->threads < 1                 ? 1
                  : options->threads < UPLOADS_THREADS ? options->threads
                                                       : UPLOADS_THREADS;
   u->last = &u->first;
   u->directory = u->lock_file = -1;
   u->next_number = 1;
   pthread_mutex_init(&u->lock, NULL);
   pthread_condattr_init(&monotonic);
   pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
   pthread_cond_init(&u->changed, &monotonic);
   pthread_condattr_destroy(&monotonic);
   snprintf(why, UPLOADS_WHY, "out of memory, or not supported by this libcurl");
   if (!start_curl(u) || (options->spool != NULL && !open_spool(u, why))) {
      free_uploads(u);
      return NULL;
   }
   if (!start_threads(u)) {
      snprintf(why, UPLOADS_WHY, "cannot start a thread");
      free_uploads(u);
      return NULL;
   }
   return u;
}

uint64_t uploads_stop(struct uploads *u, unsigned milliseconds)
{
   if (u == NULL) {
      return 0;
   }
   pthread_mutex_lock(&u->lock);
   u->stop = true;
   u->deadline = now_ms() + milliseconds;
   pthread_cond_broadcast(&u->changed);
   while (u->running > 0 && now_ms() < u->deadline) {
      wait_until(u, u->deadline);
   }
   atomic_store(&u->cancelled, true);
   uint64_t lost = u->directory < 0 ? u->counts.waiting : 0;
   pthread_cond_broadcast(&u->changed);
   pthread_mutex_unlock(&u->lock);
   for (unsigned i = 0; i < u->started; i++) {
      pthread_join(u->workers[i].thread, NULL);
   }
   lost = u->directory < 0 ? u->counts.waiting : 0;
   free_uploads(u);
   return lost;
}
