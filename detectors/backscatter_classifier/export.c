/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Sends reports over HTTP(S), in a thread of its own: neither DNS nor a server can hold up the stream.
 *
 * Reports wait in a queue; when it is full, new ones are dropped and counted. With a spool, a report that waits is also a file, which is
 * removed when a server has accepted or refused it, so that a restart loses nothing.
 */
#include "classifier.h"

#ifdef HAVE_CURL
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE   4096
#define REPORT_MAX  65536 /* bytes of a file of the spool */
#define RETRY_FIRST 1     /* seconds; doubled after each failure */
#define RETRY_LAST  300
#define ANSWER_MAX  4096 /* bytes of an answer that are looked at */
#define SHOWN       200  /* of these, in messages */

struct report {
   struct victim victim;
   struct templates templates;
   bool look_up, named_only;
   char *text; /* NULL: not made yet */
   size_t size;
};

struct exporter {
   nm_module_t *module;
   struct destination to;
   struct export_limits limits;
   pthread_t thread;
   pthread_mutex_t lock; /* of all that follows */
   pthread_cond_t changed;
   struct report *ring;
   uint32_t first, n;
   bool ending;
   struct timespec end; /* of the last attempts, when ending */
   struct export_counts counts;
   /* of the thread */
   CURL *curl;
   struct curl_slist *headers;
   char error[CURL_ERROR_SIZE], answer[ANSWER_MAX];
   size_t answer_size;
};

/* ---------------------------------------------------------------------- spool */

static void spool_path(const struct exporter *e, const char *uuid, const char *end, char path[PATH_SIZE])
{
   snprintf(path, PATH_SIZE, "%s/%s-%s%s", e->limits.spool, e->to.name, uuid, end);
}

static void spool_write(struct exporter *e, const struct report *r)
{
   char path[PATH_SIZE], part[PATH_SIZE];
   if (e->limits.spool == NULL) {
      return;
   }
   spool_path(e, r->victim.uuid, ".json", path);
   spool_path(e, r->victim.uuid, ".part", part);
   int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
   bool good = fd >= 0 && write(fd, r->text, r->size) == (ssize_t) r->size && fsync(fd) == 0;
   int error = errno;
   if (fd >= 0) {
      close(fd);
   }
   if (!good || rename(part, path) != 0) {
      nm_warn(e->module, "cannot write \"%s\": %s", path, strerror(good ? errno : error));
      unlink(part);
   }
}

static void spool_remove(struct exporter *e, const struct report *r)
{
   char path[PATH_SIZE];
   if (e->limits.spool != NULL) {
      spool_path(e, r->victim.uuid, ".json", path);
      unlink(path);
   }
}

/* A file of the spool; its name has the UUID. */
static bool spool_read(struct exporter *e, const char *uuid, struct report *r)
{
   char path[PATH_SIZE];
   struct stat st;
   memset(r, 0, sizeof(*r));
   memcpy(r->victim.uuid, uuid, UUID_SIZE - 1);
   spool_path(e, r->victim.uuid, ".json", path);
   int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
   bool good =
       fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= REPORT_MAX;
   r->text = good ? malloc((size_t) st.st_size) : NULL;
   if (r->text != NULL) {
      r->size = (size_t) st.st_size;
      good = read(fd, r->text, r->size) == (ssize_t) r->size;
   }
   if (fd >= 0) {
      close(fd);
   }
   if (!good || r->text == NULL) {
      free(r->text);
      return false;
   }
   return true;
}

/* Reports that waited when an earlier run ended. */
static bool spool_load(struct exporter *e)
{
   size_t prefix = strlen(e->to.name) + 1;
   DIR *directory = opendir(e->limits.spool);
   struct dirent *entry;
   if (directory == NULL) {
      nm_fail_status(e->module, 3, "--spool: \"%s\": %s", e->limits.spool, strerror(errno));
      return false;
   }
   while (e->n < e->limits.queue && (entry = readdir(directory)) != NULL) {
      const char *name = entry->d_name;
      bool ours = strncmp(name, e->to.name, prefix - 1) == 0 && name[prefix - 1] == '-' &&
                  strspn(name + prefix, "0123456789abcdef-") == UUID_SIZE - 1 &&
                  strcmp(name + prefix + UUID_SIZE - 1, ".json") == 0;
      if (ours && spool_read(e, name + prefix, &e->ring[e->n])) {
         e->n++;
      }
   }
   closedir(directory);
   return true;
}

/* ----------------------------------------------------------------------- HTTP */

static size_t receive(char *data, size_t one, size_t n, void *context)
{
   struct exporter *e = context;
   size_t room = ANSWER_MAX - 1 - e->answer_size, taken = n < room ? n : room;
   (void) one;
   memcpy(e->answer + e->answer_size, data, taken);
   e->answer_size += taken;
   return n;
}

static bool stopped(struct exporter *e)
{
   struct timespec now;
   clock_gettime(CLOCK_MONOTONIC, &now);
   pthread_mutex_lock(&e->lock);
   bool late = e->ending &&
               (now.tv_sec > e->end.tv_sec || (now.tv_sec == e->end.tv_sec && now.tv_nsec >= e->end.tv_nsec));
   pthread_mutex_unlock(&e->lock);
   return late;
}

static int progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
   (void) a;
   (void) b;
   (void) c;
   (void) d;
   return stopped(context);
}

static bool add_header(struct exporter *e, const char *line)
{
   struct curl_slist *more = curl_slist_append(e->headers, line);
   e->headers = more != NULL ? more : e->headers;
   return more != NULL;
}

static bool prepare(struct exporter *e)
{
   char line[1024];
   CURL *c = e->curl = curl_easy_init();
   if (c == NULL) {
      return false;
   }
#if LIBCURL_VERSION_NUM >= 0x075500
   bool good = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
   bool good = curl_easy_setopt(c, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS) == CURLE_OK;
#endif
   if (e->to.key != NULL) {
      snprintf(line, sizeof(line), "Authorization: %s", e->to.key);
      good = good && add_header(e, line);
   }
   if (e->to.user != NULL) {
      good = good && curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_USERNAME, e->to.user) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_PASSWORD, e->to.password) == CURLE_OK;
   }
   /* Redirections are not followed: the key is for this server. */
   return good && add_header(e, "Accept: application/json") &&
          (e->to.dsa != NULL || add_header(e, "Content-Type: application/json")) &&
          curl_easy_setopt(c, CURLOPT_URL, e->to.url) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_HTTPHEADER, e->headers) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_USERAGENT, "nemea-backscatter_classifier") == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_TIMEOUT, (long) e->limits.timeout) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_ERRORBUFFER, e->error) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_WRITEDATA, e) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, progress) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_XFERINFODATA, e) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, e->to.insecure ? 0L : 1L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, e->to.insecure ? 0L : 2L) == CURLE_OK;
}

/* A form with the agreement and the event, or the event alone. */
static bool set_body(struct exporter *e, const struct report *r, curl_mime **form)
{
   *form = NULL;
   if (e->to.dsa == NULL) {
      return curl_easy_setopt(e->curl, CURLOPT_POSTFIELDSIZE, (long) r->size) == CURLE_OK &&
             curl_easy_setopt(e->curl, CURLOPT_POSTFIELDS, r->text) == CURLE_OK;
   }
   curl_mimepart *part;
   return (*form = curl_mime_init(e->curl)) != NULL && (part = curl_mime_addpart(*form)) != NULL &&
          curl_mime_name(part, "dsa") == CURLE_OK &&
          curl_mime_data(part, e->to.dsa, CURL_ZERO_TERMINATED) == CURLE_OK &&
          (part = curl_mime_addpart(*form)) != NULL && curl_mime_name(part, "file") == CURLE_OK &&
          curl_mime_filename(part, "event.json") == CURLE_OK &&
          curl_mime_type(part, "application/json") == CURLE_OK &&
          curl_mime_data(part, r->text, r->size) == CURLE_OK &&
          curl_easy_setopt(e->curl, CURLOPT_MIMEPOST, *form) == CURLE_OK;
}

enum outcome { SENT, REFUSED, AGAIN };

static enum outcome attempt(struct exporter *e, const struct report *r)
{
   curl_mime *form;
   long status = 0;
   e->answer_size = 0;
   e->error[0] = 0;
   CURLcode code = set_body(e, r, &form) ? curl_easy_perform(e->curl) : CURLE_OUT_OF_MEMORY;
   curl_easy_getinfo(e->curl, CURLINFO_RESPONSE_CODE, &status);
   if (form != NULL) {
      curl_easy_setopt(e->curl, CURLOPT_MIMEPOST, NULL);
      curl_mime_free(form);
   }
   e->answer[e->answer_size] = 0;
   if (code != CURLE_OK) {
      nm_warn(e->module, "%s: %s; it is tried again", e->to.url,
              e->error[0] != 0 ? e->error : curl_easy_strerror(code));
      return AGAIN;
   }
   if (status >= 200 && status < 300) {
      return SENT;
   }
   if (status == 409 ||
       strstr(e->answer, "already exists") != NULL) { /* an earlier attempt arrived, its answer did not */
      return SENT;
   }
   if (status == 408 || status == 429 || status >= 500) {
      nm_warn(e->module, "%s: the server answers with status %ld; it is tried again", e->to.url, status);
      return AGAIN;
   }
   nm_warn(e->module, "%s: the server refuses a report with status %ld: %.*s", e->to.url, status, SHOWN,
           e->answer);
   return REFUSED;
}

/* --------------------------------------------------------------------- thread */

static void find_host(struct victim *v)
{
   struct sockaddr_in v4 = {.sin_family = AF_INET};
   struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
   bool is4 = ip_is4(&v->address);
   if (is4) {
      memcpy(&v4.sin_addr, ip_get_v4_as_bytes(&v->address), 4);
   } else {
      memcpy(&v6.sin6_addr, &v->address, 16);
   }
   const struct sockaddr *address =
       is4 ? (const struct sockaddr *) (const void *) &v4 : (const struct sockaddr *) (const void *) &v6;
   if (getnameinfo(address, is4 ? sizeof(v4) : sizeof(v6), v->host, sizeof(v->host), NULL, 0, NI_NAMEREQD) !=
       0) {
      v->host[0] = 0;
   }
}

/* Makes the text of a report. \return false: it is not to be sent */
static bool make_text(struct exporter *e, struct report *r)
{
   nc_json_t json = {0};
   if (r->text != NULL) {
      return true;
   }
   if (r->look_up) {
      find_host(&r->victim);
   }
   if (r->named_only && r->victim.host[0] == 0) {
      pthread_mutex_lock(&e->lock);
      e->counts.nameless++;
      pthread_mutex_unlock(&e->lock);
      return false;
   }
   misp_event(&json, &r->victim, &r->templates);
   if (json.failed != NULL) {
      nc_json_free(&json);
      return false;
   }
   r->text = json.data;
   r->size = json.length;
   free(json.members);
   free(json.hashes);
   spool_write(e, r);
   return true;
}

/* Waits before another attempt. \return false: there is no time for one */
static bool wait_to_retry(struct exporter *e, unsigned seconds)
{
   struct timespec until;
   bool go_on = true;
   clock_gettime(CLOCK_MONOTONIC, &until);
   until.tv_sec += (time_t) seconds;
   pthread_mutex_lock(&e->lock);
   e->counts.retries++;
   while (go_on) {
      bool late = e->ending && until.tv_sec > e->end.tv_sec;
      const struct timespec *to = late ? &e->end : &until;
      if (pthread_cond_timedwait(&e->changed, &e->lock, to) == ETIMEDOUT) {
         go_on = !late;
         break;
      }
   }
   pthread_mutex_unlock(&e->lock);
   return go_on && !stopped(e);
}

/* \return false: it could not be sent in time */
static bool send_report(struct exporter *e, struct report *r)
{
   unsigned pause = RETRY_FIRST;
   if (!make_text(e, r)) {
      return true;
   }
   for (;;) {
      enum outcome outcome = attempt(e, r);
      if (outcome != AGAIN) {
         pthread_mutex_lock(&e->lock);
         e->counts.sent += outcome == SENT;
         e->counts.refused += outcome == REFUSED;
         pthread_mutex_unlock(&e->lock);
         spool_remove(e, r);
         return true;
      }
      if (stopped(e) || !wait_to_retry(e, pause)) {
         return false;
      }
      pause = pause * 2 < RETRY_LAST ? pause * 2 : RETRY_LAST;
   }
}

static void *run(void *context)
{
   struct exporter *e = context;
   bool in_time = true;
   pthread_mutex_lock(&e->lock);
   for (;;) {
      while (e->n == 0 && !e->ending) {
         pthread_cond_wait(&e->changed, &e->lock);
      }
      if (e->n == 0) {
         break;
      }
      struct report *r = &e->ring[e->first]; /* stays in the ring, so that nobody takes its place */
      pthread_mutex_unlock(&e->lock);
      if (in_time) {
         in_time = send_report(e, r);
      }
      if (!in_time && e->limits.spool != NULL) {
         make_text(e, r); /* into the spool */
      }
      free(r->text);
      r->text = NULL;
      pthread_mutex_lock(&e->lock);
      e->first = (e->first + 1) % e->limits.queue;
      e->n--;
      e->counts.dropped += !in_time && e->limits.spool == NULL;
   }
   pthread_mutex_unlock(&e->lock);
   return NULL;
}

static void release(struct exporter *e)
{
   for (uint32_t i = 0; e->ring != NULL && i < e->n; i++) {
      free(e->ring[(e->first + i) % e->limits.queue].text);
   }
   curl_easy_cleanup(e->curl);
   curl_slist_free_all(e->headers);
   pthread_cond_destroy(&e->changed);
   pthread_mutex_destroy(&e->lock);
   free(e->ring);
   free(e);
}

struct exporter *export_start(nm_module_t *m, const struct destination *to,
                              const struct export_limits *limits)
{
   struct exporter *e = calloc(1, sizeof(*e));
   pthread_condattr_t attributes;
   if (e == NULL) {
      nm_fail_status(m, 3, "out of memory");
      return NULL;
   }
   *e = (struct exporter){.module = m, .to = *to, .limits = *limits, .lock = PTHREAD_MUTEX_INITIALIZER};
   pthread_condattr_init(&attributes);
   pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
   pthread_cond_init(&e->changed, &attributes);
   pthread_condattr_destroy(&attributes);
   curl_global_init(CURL_GLOBAL_DEFAULT);
   e->ring = calloc(limits->queue, sizeof(*e->ring));
   if (e->ring == NULL || !prepare(e)) {
      nm_fail_status(m, 3, "no memory for the export, or libcurl knows no HTTP");
   } else if (limits->spool == NULL || spool_load(e)) {
      int error = pthread_create(&e->thread, NULL, run, e);
      if (error == 0) {
         return e;
      }
      nm_fail_status(m, 3, "cannot start a thread: %s", strerror(error));
   }
   release(e);
   return NULL;
}

void export_put(struct exporter *e, const struct victim *v, const struct templates *templates, bool look_up,
                bool named_only)
{
   pthread_mutex_lock(&e->lock);
   if (e->n == e->limits.queue) {
      e->counts.dropped++;
   } else {
      e->ring[(e->first + e->n++) % e->limits.queue] = (struct report){
          .victim = *v, .templates = *templates, .look_up = look_up, .named_only = named_only};
      pthread_cond_signal(&e->changed);
   }
   pthread_mutex_unlock(&e->lock);
}

void export_count(struct exporter *e, struct export_counts *to)
{
   pthread_mutex_lock(&e->lock);
   *to = e->counts;
   to->waiting = e->n;
   pthread_mutex_unlock(&e->lock);
}

void export_end(struct exporter *e, struct export_counts *counts)
{
   if (e == NULL) {
      return;
   }
   pthread_mutex_lock(&e->lock);
   clock_gettime(CLOCK_MONOTONIC, &e->end);
   e->end.tv_sec += (time_t) e->limits.last;
   e->ending = true;
   pthread_cond_signal(&e->changed);
   pthread_mutex_unlock(&e->lock);
   pthread_join(e->thread, NULL);
   if (counts != NULL) {
      *counts = e->counts;
   }
   if (e->counts.dropped > 0) {
      nm_warn(e->module, "%llu reports were not sent to %s", (unsigned long long) e->counts.dropped,
              e->to.url);
   }
   release(e);
}
#else
struct exporter *export_start(nm_module_t *m, const struct destination *to,
                              const struct export_limits *limits)
{
   (void) to;
   (void) limits;
   nm_fail_status(m, 3, "--export_to: built without libcurl, which sends reports");
   return NULL;
}

void export_put(struct exporter *e, const struct victim *v, const struct templates *templates, bool look_up,
                bool named_only)
{
   (void) e;
   (void) v;
   (void) templates;
   (void) look_up;
   (void) named_only;
}

void export_count(struct exporter *e, struct export_counts *to)
{
   (void) e;
   *to = (struct export_counts){0};
}

void export_end(struct exporter *e, struct export_counts *counts)
{
   (void) e;
   (void) counts;
}
#endif
