/* SPDX-License-Identifier: BSD-3-Clause */
/** Downloads with libcurl. */
#include "fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SLOW_BYTES 64  /* a second; a server that sends fewer for the time of the timeout is given up */
#define POLL_MS    200 /* between looks at whether to stop */

struct transfer {
   CURL *curl;
   struct curl_slist *headers;
   const struct fetch_limits *limits;
   size_t room;
   bool too_large, no_memory;
   char etag[FETCH_TAG], modified[FETCH_TAG];
   char curl_error[CURL_ERROR_SIZE];
};

static size_t receive(char *data, size_t one, size_t n, void *context)
{
   struct fetch *f = context;
   struct transfer *t = f->transfer;
   (void) one;
   if (n > t->limits->size - f->size) {
      t->too_large = true;
      return 0;
   }
   if (f->size + n > t->room) {
      size_t room = t->room + t->room / 2 + n + 4096;
      char *more = realloc(f->data, room);
      if (more == NULL) {
         t->no_memory = true;
         return 0;
      }
      f->data = more;
      t->room = room;
   }
   memcpy(f->data + f->size, data, n);
   f->size += n;
   return n;
}

/* Value of a header that can be sent back as it is; anything else is left out. */
static void keep(char to[FETCH_TAG], const char *value, size_t n)
{
   while (n > 0 && (*value == ' ' || *value == '\t')) {
      value++;
      n--;
   }
   while (n > 0 && (value[n - 1] == '\r' || value[n - 1] == '\n' || value[n - 1] == ' ')) {
      n--;
   }
   for (size_t i = 0; i < n; i++) {
      n = value[i] < ' ' || value[i] > '~' ? 0 : n;
   }
   n = n < FETCH_TAG ? n : 0;
   memcpy(to, value, n);
   to[n] = 0;
}

static size_t receive_header(char *line, size_t one, size_t n, void *context)
{
   struct transfer *t = ((struct fetch *) context)->transfer;
   (void) one;
   if (n >= 5 && strncasecmp(line, "HTTP/", 5) == 0) { /* after a redirect the headers begin anew */
      t->etag[0] = t->modified[0] = 0;
   } else if (n > 5 && strncasecmp(line, "ETag:", 5) == 0) {
      keep(t->etag, line + 5, n - 5);
   } else if (n > 14 && strncasecmp(line, "Last-Modified:", 14) == 0) {
      keep(t->modified, line + 14, n - 14);
   }
   return n;
}

static bool add_header(struct transfer *t, const char *name, const char *value)
{
   char line[FETCH_TAG + 32];
   if (*value == 0) {
      return true;
   }
   snprintf(line, sizeof(line), "%s: %s", name, value);
   struct curl_slist *more = curl_slist_append(t->headers, line);
   t->headers = more != NULL ? more : t->headers;
   return more != NULL;
}

static bool set_protocols(CURL *c)
{
#if LIBCURL_VERSION_NUM >= 0x075500
   return curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
   return curl_easy_setopt(c, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS) == CURLE_OK;
#endif
}

static bool set_options(struct fetch *f, const struct fetch_limits *limits)
{
   struct transfer *t = f->transfer;
   CURL *c = t->curl;
   return set_protocols(c) && add_header(t, "If-None-Match", f->etag) &&
          add_header(t, "If-Modified-Since", f->modified) &&
          curl_easy_setopt(c, CURLOPT_URL, f->url) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_USERAGENT, "nemea-bl_downloader") == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "") ==
              CURLE_OK && /* all that libcurl can decompress */
          curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long) FETCH_REDIRECTS) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long) limits->timeout) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long) SLOW_BYTES) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long) limits->timeout) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_TIMEOUT, (long) limits->total) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) limits->size) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->curl_error) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_PRIVATE, f) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_WRITEDATA, f) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, receive_header) == CURLE_OK &&
          curl_easy_setopt(c, CURLOPT_HEADERDATA, f) == CURLE_OK;
}

static void end(struct fetch *f, enum fetch_result result, const char *error)
{
   struct transfer *t = f->transfer;
   f->result = result;
   snprintf(f->error, sizeof(f->error), "%s", error);
   if (result != FETCH_NEW) {
      free(f->data);
      f->data = NULL;
      f->size = 0;
   }
   if (t != NULL) {
      curl_easy_cleanup(t->curl);
      curl_slist_free_all(t->headers);
      free(t);
      f->transfer = NULL;
   }
}

/* \return false: the download has failed already */
static bool start(CURLM *multi, struct fetch *f, const struct fetch_limits *limits)
{
   f->data = NULL;
   f->size = 0;
   f->transfer = calloc(1, sizeof(*f->transfer));
   if (f->transfer != NULL) {
      f->transfer->limits = limits;
      f->transfer->curl = curl_easy_init();
   }
   if (f->transfer == NULL || f->transfer->curl == NULL || !set_options(f, limits) ||
       curl_multi_add_handle(multi, f->transfer->curl) != CURLM_OK) {
      end(f, FETCH_FAILED, "out of memory, or not supported by libcurl");
      return false;
   }
   return true;
}

static void done(CURLM *multi, struct fetch *f, CURLcode code)
{
   struct transfer *t = f->transfer;
   long status = 0, unmet = 0;
   char error[FETCH_ERROR] = "";
   curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
   curl_easy_getinfo(t->curl, CURLINFO_CONDITION_UNMET, &unmet);
   curl_multi_remove_handle(multi, t->curl);
   if (t->too_large || code == CURLE_FILESIZE_EXCEEDED) {
      snprintf(error, sizeof(error), "larger than %zu bytes", t->limits->size);
   } else if (t->no_memory) {
      snprintf(error, sizeof(error), "out of memory");
   } else if (code != CURLE_OK) {
      snprintf(error, sizeof(error), "%s", t->curl_error[0] != 0 ? t->curl_error : curl_easy_strerror(code));
   } else if (status != 200 && status != 304) {
      snprintf(error, sizeof(error), "the server answers with status %ld", status);
   } else if (status == 304 && f->etag[0] == 0 && f->modified[0] == 0) {
      snprintf(error, sizeof(error),
               "the server answers with status 304 to a request that did not ask for it");
   }
   if (error[0] != 0) {
      end(f, FETCH_FAILED, error);
   } else if (status == 304) {
      end(f, FETCH_UNCHANGED, "");
   } else {
      memcpy(f->etag, t->etag, sizeof(f->etag));
      memcpy(f->modified, t->modified, sizeof(f->modified));
      end(f, FETCH_NEW, "");
   }
}

static unsigned take_done(CURLM *multi)
{
   CURLMsg *message;
   int left;
   unsigned n = 0;
   while ((message = curl_multi_info_read(multi, &left)) != NULL) {
      char *f = NULL;
      if (message->msg == CURLMSG_DONE) {
         CURLcode code = message->data.result;
         curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &f);
         done(multi, (struct fetch *) (void *) f, code);
         n++;
      }
   }
   return n;
}

void fetch_all(struct fetch *fetches, size_t n, const struct fetch_limits *limits, bool (*stop)(void))
{
   CURLM *multi = curl_multi_init();
   size_t next = 0, running = 0;
   int active;
   for (size_t i = 0; i < n; i++) {
      fetches[i].transfer = NULL;
      if (multi == NULL) {
         end(&fetches[i], FETCH_FAILED, "out of memory");
      }
   }
   while (multi != NULL && (next < n || running > 0)) {
      while (next < n && running < FETCH_PARALLEL) {
         running += start(multi, &fetches[next++], limits);
      }
      bool broken = curl_multi_perform(multi, &active) != CURLM_OK || stop();
      running -= take_done(multi);
      if (broken) {
         break;
      }
      if (active > 0) {
         curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
      }
   }
   for (size_t i = 0; i < n && multi != NULL; i++) {
      if (fetches[i].transfer != NULL) {
         curl_multi_remove_handle(multi, fetches[i].transfer->curl);
         end(&fetches[i], FETCH_FAILED, "interrupted");
      } else if (i >= next) {
         end(&fetches[i], FETCH_FAILED, "interrupted");
      }
   }
   curl_multi_cleanup(multi);
}
