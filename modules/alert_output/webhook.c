/* SPDX-License-Identifier: BSD-3-Clause */
/** Messages as requests (POST) to a web server. */
#include "destination.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_ANSWER 65536 /* bytes of an answer, which nobody reads */
#define MAX_LINE   8192  /* of the file of headers */

struct webhook {
   struct destination d;
   CURL *curl;
   struct curl_slist *headers;
   char error[CURL_ERROR_SIZE];
   char *body;
   size_t room, answered;
   bool json;
};

static struct webhook *of(struct destination *d)
{
   return (struct webhook *) d;
}

static size_t ignore_answer(char *data, size_t size, size_t n, void *context)
{
   struct webhook *w = context;
   (void) data;
   w->answered += size * n;
   return w->answered <= MAX_ANSWER ? size * n : 0;
}

/* Called several times a second. \return not 0: give up */
static int watch(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
   struct webhook *w = context;
   (void) a, (void) b, (void) c, (void) d;
   return w->d.cancelled;
}

/* One message as it is; several as a JSON array, or as lines. */
static size_t fill(struct webhook *w, const struct message *m, unsigned n)
{
   size_t all = 2, at = 0;
   for (unsigned i = 0; i < n; i++) {
      all += m[i].length + 1;
   }
   if (all > w->room) {
      char *more = realloc(w->body, all);
      if (more == NULL) {
         return 0;
      }
      w->body = more;
      w->room = all;
   }
   bool array = w->json && w->d.most > 1;
   for (unsigned i = 0; i < n; i++) {
      if (array || i > 0) {
         w->body[at++] = !array ? '\n' : i == 0 ? '[' : ',';
      }
      memcpy(w->body + at, m[i].data, m[i].length);
      at += m[i].length;
   }
   if (array) {
      w->body[at++] = ']';
   }
   return at;
}

/* The receiver refuses what is sent, not who sends it, or when. */
static bool refused(long status)
{
   return status == 400 || status == 413 || status == 415 || status == 422;
}

static enum delivery post(struct webhook *w, const struct message *m, unsigned n, char why[WHY_SIZE])
{
   long status = 0;
   size_t length = fill(w, m, n);
   if (length == 0 || curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, w->body) != CURLE_OK ||
       curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) length) != CURLE_OK) {
      snprintf(why, WHY_SIZE, "out of memory");
      return RETRY;
   }
   w->answered = 0;
   w->error[0] = 0;
   CURLcode code = curl_easy_perform(w->curl);
   curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
   if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && status >= 200 && status < 300)) {
      snprintf(why, WHY_SIZE, "%s", w->error[0] != 0 ? w->error : curl_easy_strerror(code));
      return RETRY;
   }
   if (status >= 200 && status < 300) {
      return DELIVERED;
   }
   snprintf(why, WHY_SIZE, "the server answered with status %ld%s", status,
            status >= 300 && status < 400 ? ", and redirects are not followed" : "");
   return refused(status) ? REJECTED : RETRY;
}

static enum delivery webhook_send(struct destination *d, const struct message *m, unsigned n,
                                  char why[WHY_SIZE])
{
   return post(of(d), m, n, why);
}

static void webhook_free(struct destination *d)
{
   struct webhook *w = of(d);
   curl_easy_cleanup(w->curl);
   curl_slist_free_all(w->headers);
   free(w->body);
   free(w);
   curl_global_cleanup();
}

static bool add_header(struct webhook *w, const char *line)
{
   struct curl_slist *more = curl_slist_append(w->headers, line);
   w->headers = more != NULL ? more : w->headers;
   return more != NULL;
}

/* Lines "Name: value", of a file that nobody else may read. */
static bool read_headers(struct webhook *w, const char *path, char why[WHY_SIZE])
{
   char line[MAX_LINE];
   bool good = secret_file(path, why);
   FILE *file = good ? fopen(path, "re") : NULL;
   if (good && file == NULL) {
      snprintf(why, WHY_SIZE, "file %s cannot be read", path);
   }
   for (unsigned number = 1; file != NULL && good && fgets(line, sizeof(line), file) != NULL; number++) {
      line[strcspn(line, "\r\n")] = 0;
      const char *colon = strchr(line, ':');
      if (line[0] != 0 && (colon == NULL || colon == line || !add_header(w, line))) {
         snprintf(why, WHY_SIZE, "file %s, line %u: expected \"Name: value\"", path, number);
         good = false;
      }
   }
   if (file != NULL) {
      fclose(file);
   }
   explicit_bzero(line, sizeof(line));
   return good && file != NULL;
}

static bool set_protocol(CURL *c, const char *url)
{
   bool secure = strncasecmp(url, "https://", 8) == 0;
#if LIBCURL_VERSION_NUM >= 0x075500
   return curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, secure ? "https" : "http") == CURLE_OK;
#else
   return curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long) (secure ? CURLPROTO_HTTPS : CURLPROTO_HTTP)) ==
          CURLE_OK;
#endif
}

static bool set_options(struct webhook *w, const char *url, const struct destination_options *o)
{
   CURL *c = w->curl;
   return set_protocol(c, url) && curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_HTTPHEADER, w->headers) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_USERAGENT, "nemea-alert_output") == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
          (o->ca == NULL || curl_easy_setopt(c, CURLOPT_CAINFO, o->ca) == CURLE_OK) &&
          (o->cert == NULL || curl_easy_setopt(c, CURLOPT_SSLCERT, o->cert) == CURLE_OK) &&
          (o->key == NULL || curl_easy_setopt(c, CURLOPT_SSLKEY, o->key) == CURLE_OK) &&
          curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long) o->timeout) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long) o->timeout) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_ERRORBUFFER, w->error) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, ignore_answer) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_WRITEDATA, w) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, watch) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_XFERINFODATA, w) == CURLE_OK;
}

struct destination *webhook_open(const char *url, const struct destination_options *o, char why[WHY_SIZE])
{
   char type[128];
   struct webhook *w = calloc(1, sizeof(*w));
   if (o->headers != NULL && strncasecmp(url, "https://", 8) != 0) {
      snprintf(why, WHY_SIZE, "headers with secrets are sent to https:// only");
      free(w);
      return NULL;
   }
   if (w == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
      snprintf(why, WHY_SIZE, "out of memory");
      free(w);
      return NULL;
   }
   w->d = (struct destination){.send = webhook_send, .free = webhook_free, .most = o->batch};
   w->json = o->json;
   w->curl = curl_easy_init();
   snprintf(type, sizeof(type), "Content-Type: %s", o->content_type);
   snprintf(why, WHY_SIZE, "out of memory, or not supported by this libcurl");
   if (w->curl == NULL || !add_header(w, type) || !add_header(w, "Expect:") ||
       (o->headers != NULL && !read_headers(w, o->headers, why)) || !set_options(w, url, o)) {
      webhook_free(&w->d);
      return NULL;
   }
   return &w->d;
}
