/* SPDX-License-Identifier: BSD-3-Clause */
#include "server.h"
#include "about.h"
#include "assets.h"
#include "connections.h"
#include "live.h"
#include "session.h"
#include "upstream.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define MEMORY_OF_CONNECTION 32768 /* bytes; a head that does not fit into half of it is refused */
#define IDLE_SECONDS         60

static const char policy[] =
    ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri "
     "'none'; "
     "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'");

struct server {
   struct server_options o;
   struct MHD_Daemon *daemon;
   struct sessions sessions; /* of the server's thread */
   struct connections connections;
   struct work *work;
   struct live *live;
   struct about about;
};

/* One request, from its head to its end. */
struct request {
   struct server *server;
   struct MHD_Connection *connection;
   struct connection *place;
   struct job job;
   bool started, asked;
   char body[API_BODY];
   size_t body_size;
   bool too_long;
};

/* ------------------------------------------------------------------- responses */

static enum MHD_Result send_response(struct request *r, unsigned status, struct MHD_Response *response)
{
   if (response == NULL) {
      return MHD_NO;
   }
   static const char *const fields[][2] = {
       {"X-Content-Type-Options", "nosniff"},
       {"Referrer-Policy", "no-referrer"},
       {"Cross-Origin-Opener-Policy", "same-origin"},
       {"Cross-Origin-Resource-Policy", "same-origin"},
       {"X-Frame-Options", "DENY"},
       {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"}};
   for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
      MHD_add_response_header(response, fields[i][0], fields[i][1]);
   }
   if (MHD_get_response_header(response, "Content-Security-Policy") == NULL) {
      MHD_add_response_header(response, "Content-Security-Policy", policy);
   }
   if (MHD_get_response_header(response, "Cache-Control") == NULL) {
      MHD_add_response_header(response, "Cache-Control", "no-store");
   }
   if (r->server->o.guard.tls) {
      MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000");
   }
   about_count(&r->server->about, status);
   enum MHD_Result sent = MHD_queue_response(r->connection, status, response);
   MHD_destroy_response(response);
   return sent;
}

static struct MHD_Response *text_response(char *text, const char *type)
{
   struct MHD_Response *response =
       text != NULL ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;
   if (response != NULL) {
      MHD_add_response_header(response, "Content-Type", type);
   } else {
      free(text);
   }
   return response;
}

/* Takes the answer. */
static enum MHD_Result send_json(struct request *r, unsigned status, json_t *answer)
{
   char *text = json_dumps(answer, JSON_COMPACT);
   json_decref(answer);
   return send_response(r, status, text_response(text, "application/json"));
}

static enum MHD_Result send_error(struct request *r, unsigned status, const char *why)
{
   return send_json(r, status, work_error(why));
}

static enum MHD_Result send_asset(struct request *r, unsigned status, const struct asset *a)
{
   const char *known = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "If-None-Match");
   bool same = status == 200 && known != NULL && strcmp(known, a->etag) == 0;
   struct MHD_Response *response = MHD_create_response_from_buffer(
       same ? 0 : a->size, (void *) (uintptr_t) a->data, MHD_RESPMEM_PERSISTENT);
   if (response != NULL && status == 200) {
      MHD_add_response_header(response, "ETag", a->etag);
      MHD_add_response_header(response, "Cache-Control",
                              "no-cache"); /* ask each time whether it still is the same */
   }
   if (response != NULL) {
      MHD_add_response_header(response, "Content-Type", a->type);
   }
   return send_response(r, same ? 304 : status, response);
}

/* Says how to get a session. */
static enum MHD_Result send_login(struct request *r)
{
   char rule[256];
   snprintf(rule, sizeof(rule),
            "default-src 'none'; style-src '%s'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            login_style_hash);
   struct MHD_Response *response = MHD_create_response_from_buffer(
       login_page.size, (void *) (uintptr_t) login_page.data, MHD_RESPMEM_PERSISTENT);
   if (response != NULL) {
      MHD_add_response_header(response, "Content-Type", login_page.type);
      MHD_add_response_header(response, "Content-Security-Policy", rule);
   }
   return send_response(r, 401, response);
}

/* -------------------------------------------------------------------- sessions */

static const char *header(struct request *r, const char *name)
{
   return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result count_host(void *n, enum MHD_ValueKind kind, const char *key, const char *value)
{
   (void) kind;
   (void) value;
   *(unsigned *) n += strcasecmp(key, "Host") == 0;
   return MHD_YES;
}

static bool has_session(struct request *r, char id[TOKEN_SIZE])
{
   struct server *s = r->server;
   return guard_session(&s->o.guard, header(r, "Cookie"), id) && sessions_touch(&s->sessions, id, time(NULL));
}

static enum MHD_Result exchange(struct request *r, const char *token)
{
   struct server *s = r->server;
   char cookie[192];
   const char *id = sessions_exchange(&s->sessions, token, time(NULL));
   struct MHD_Response *response =
       id != NULL ? MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT) : NULL;
   if (response == NULL) {
      return send_login(r);
   }
   snprintf(cookie, sizeof(cookie), "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
            s->o.guard.cookie, id, SESSION_SECONDS, s->o.guard.tls ? "; Secure" : "");
   MHD_add_response_header(response, "Set-Cookie", cookie);
   MHD_add_response_header(response, "Location", "/");
   return send_response(r, 303, response);
}

static enum MHD_Result log_out(struct request *r, const char *id)
{
   char cookie[128];
   sessions_end(&r->server->sessions, id);
   struct MHD_Response *response = MHD_create_response_from_buffer(2, "{}", MHD_RESPMEM_PERSISTENT);
   snprintf(cookie, sizeof(cookie), "%s=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0%s",
            r->server->o.guard.cookie, r->server->o.guard.tls ? "; Secure" : "");
   if (response != NULL) {
      MHD_add_response_header(response, "Set-Cookie", cookie);
      MHD_add_response_header(response, "Content-Type", "application/json");
   }
   return send_response(r, 200, response);
}

/* ------------------------------------------------------------------------- API */

static void job_done(struct job *job)
{
   struct request *r = job->context;
   MHD_resume_connection(r->connection);
}

/* Asks another program; the answer comes in a later call. */
static enum MHD_Result ask(struct request *r)
{
   r->asked = true;
   r->job.done = job_done;
   r->job.context = r;
   MHD_suspend_connection(r->connection);
   if (!work_add(r->server->work, &r->job)) {
      MHD_resume_connection(r->connection);
      r->job.status = 503;
      r->job.answer = work_error("too many requests wait for this program, or the page is being stopped");
   }
   return MHD_YES;
}

static enum MHD_Result send_live(struct request *r)
{
   struct MHD_Response *response = live_response(r->server->live, r->connection);
   if (response == NULL) {
      return send_error(r, 503, "too many browsers");
   }
   MHD_add_response_header(response, "Content-Type", "text/event-stream");
   return send_response(r, 200, response);
}

struct arguments {
   struct argument list[API_ARGUMENTS + 1];
   unsigned n;
};

static enum MHD_Result take_argument(void *context, enum MHD_ValueKind kind, const char *key,
                                     const char *value)
{
   struct arguments *a = context;
   (void) kind;
   if (a->n <= API_ARGUMENTS) {
      a->list[a->n++] = (struct argument){key, value};
   }
   return MHD_YES;
}

static enum MHD_Result send_answer(struct request *r)
{
   struct server *s = r->server;
   json_t *answer = r->job.answer;
   r->job.answer = NULL;
   switch (r->job.call.form) {
   case ANSWER_SYSTEM:
      return send_json(r, 200,
                       about_system(&s->about, r->job.status == 200 ? answer : NULL,
                                    r->job.status == 200 ? NULL : answer));
   case ANSWER_READY: {
      char id[TOKEN_SIZE];
      bool trusted = has_session(r, id) || guard_bearer(header(r, "Authorization"), s->o.metrics_token);
      json_t *said = about_ready(&s->about, answer, &r->job.status, trusted);
      return send_json(r, r->job.status, said);
   }
   case ANSWER_METRICS: {
      char *text = about_metrics(&s->about, r->job.status == 200 ? answer : NULL);
      json_decref(answer);
      return send_response(r, 200,
                           text_response(text, "application/openmetrics-text; version=1.0.0; charset=utf-8"));
   }
   case ANSWER_STATS:
      if (r->job.status == 200) {
         char *text = about_stats(answer);
         json_decref(answer);
         return send_response(r, 200, text_response(text, "application/json"));
      }
      return send_json(r, r->job.status, answer);
   default: return send_json(r, r->job.status, answer);
   }
}

/* What needs no other program, and what is not allowed. */
static enum MHD_Result serve_api(struct request *r, const char *method, const char *path)
{
   struct server *s = r->server;
   struct arguments a = {.n = 0};
   struct call *call = &r->job.call;
   char why[API_WHY], id[TOKEN_SIZE] = "";
   const char *type = header(r, "Content-Type");
   MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, take_argument, &a);
   bool session = has_session(r, id);
   unsigned status = api_parse(method, path, a.list, a.n, r->body, r->body_size, call, why);
   bool open = status == 200 && call->open;
   if (status == 200 && (call->form == ANSWER_METRICS || call->form == ANSWER_STATS) && !session &&
       !guard_bearer(header(r, "Authorization"), s->o.metrics_token)) {
      return send_error(r, 401, "metrics need a bearer token: start nemea_page with --metrics-token FILE");
   }
   if (!session && !open) {
      return send_error(r, 401, "no session: open the address that nemea_page prints");
   }
   if (status != 200) {
      return send_error(r, status, why);
   }
   if (call->changes && call->form != ANSWER_LOGOUT &&
       (type == NULL || strncmp(type, "application/json", 16) != 0)) {
      return send_error(r, 415, "expected application/json");
   }
   connections_busy(&s->connections, r->place, session);
   switch (call->form) {
   case ANSWER_LIVE: return send_live(r);
   case ANSWER_LOGOUT: return log_out(r, id);
   case ANSWER_ADDRESSES:
      return send_json(r, 200,
                       json_pack("{s:o}", "addresses",
                                 enrich_addresses(s->o.enrich, json_object_get(call->request, "a"))));
   default: return ask(r);
   }
}

static enum MHD_Result serve_asset(struct request *r, const char *path)
{
   char id[TOKEN_SIZE];
   const char *token = MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, "token");
   bool front = strcmp(path, "/") == 0;
   if (front && token != NULL) {
      return exchange(r, token);
   }
   if (!has_session(r, id)) {
      return send_login(r);
   }
   connections_busy(&r->server->connections, r->place, true);
   for (size_t i = 0; i < n_assets; i++) {
      if (strcmp(front ? "/index.html" : path, assets[i].path) == 0) {
         return send_asset(r, 200, &assets[i]);
      }
   }
   return send_error(r, 404, "there is nothing at this path");
}

static enum MHD_Result serve(struct request *r, const char *method, const char *path)
{
   struct headers h = {.host = header(r, "Host"),
                       .origin = header(r, "Origin"),
                       .site = header(r, "Sec-Fetch-Site"),
                       .cookie = header(r, "Cookie"),
                       .authorization = header(r, "Authorization")};
   const char *why;
   bool post = strcmp(method, "POST") == 0;
   MHD_get_connection_values(r->connection, MHD_HEADER_KIND, count_host, &h.n_hosts);
   connections_busy(&r->server->connections, r->place, false);
   unsigned status = guard_check(&r->server->o.guard, &h, post, &why);
   if (status != 0) {
      return send_error(r, status, why);
   }
   if (r->too_long) {
      return send_error(r, 413, "the body of the request is longer than 4096 bytes");
   }
   if (strcmp(path, "/healthz") == 0) {
      return send_json(r, 200, json_pack("{s:b}", "ok", 1));
   }
   bool api = strncmp(path, "/api/", 5) == 0 || strcmp(path, "/metrics") == 0 ||
              strcmp(path, "/readyz") == 0 || strcmp(path, "/_stats") == 0;
   if (!api && post) {
      return send_error(r, 405, "this is read only");
   }
   return api ? serve_api(r, method, path) : serve_asset(r, path);
}

/* -------------------------------------------------------------------- requests */

static enum MHD_Result handle(void *context, struct MHD_Connection *c, const char *path, const char *method,
                              const char *version, const char *data, size_t *size, void **state)
{
   struct request *r = *state;
   (void) version;
   if (r == NULL) {
      r = calloc(1, sizeof(*r));
      if (r == NULL) {
         return MHD_NO;
      }
      r->server = context;
      r->connection = c;
      const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
      r->place = info != NULL ? info->socket_context : NULL;
      *state = r;
      return r->place != NULL ? MHD_YES : MHD_NO;
   }
   if (*size > 0) {
      size_t room = sizeof(r->body) - r->body_size;
      r->too_long |= *size > room;
      if (!r->too_long) {
         memcpy(r->body + r->body_size, data, *size);
         r->body_size += *size;
      }
      *size = 0;
      return MHD_YES;
   }
   if (r->asked) {
      return send_answer(r);
   }
   return serve(r, method, path);
}

static void completed(void *context, struct MHD_Connection *c, void **state,
                      enum MHD_RequestTerminationCode code)
{
   struct server *s = context;
   struct request *r = *state;
   (void) c;
   (void) code;
   if (r == NULL) {
      return;
   }
   if (r->place != NULL) {
      connections_idle(&s->connections, r->place, now_ms());
   }
   json_decref(r->job.call.request);
   json_decref(r->job.answer);
   free(r);
   *state = NULL;
}

static void notify(void *context, struct MHD_Connection *c, void **place,
                   enum MHD_ConnectionNotificationCode code)
{
   struct server *s = context;
   if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
      *place = info != NULL ? connections_add(&s->connections, info->connect_fd, now_ms()) : NULL;
   } else if (*place != NULL) {
      connections_remove(&s->connections, *place);
      *place = NULL;
   }
}

/* Peers that break the protocol are no news. */
static void log_nothing(void *context, const char *format, va_list ap)
{
   (void) context;
   (void) format;
   (void) ap;
}

/* -------------------------------------------------------------------- the server */

static struct MHD_Daemon *start_daemon(struct server *s)
{
   unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                    (s->o.cert != NULL ? MHD_USE_TLS : 0);
   struct MHD_OptionItem options[] = {
       {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t) log_nothing, NULL},
       {MHD_OPTION_LISTEN_SOCKET, s->o.listener, NULL},
       {MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, NULL},
       {MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_OF_CONNECTION, NULL},
       {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, NULL},
       {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
       {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t) notify, s},
       {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t) completed, s},
       {s->o.cert != NULL ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, (void *) (uintptr_t) s->o.cert},
       {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *) (uintptr_t) s->o.key},
       {MHD_OPTION_END, 0, NULL}};
   return MHD_start_daemon(flags, 0, NULL, NULL, handle, s, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

struct server *server_start(const struct server_options *o, char *why, size_t size)
{
   struct server *s = calloc(1, sizeof(*s));
   if (s == NULL) {
      snprintf(why, size, "out of memory");
      return NULL;
   }
   s->o = *o;
   connections_init(&s->connections, SERVER_STRANGERS);
   about_init(&s->about, s, &s->o.sources, o->enrich);
   if (!sessions_open(&s->sessions, o->token_file, time(NULL), why, size)) {
      sessions_close(&s->sessions);
      free(s);
      return NULL;
   }
   snprintf(why, size, "the server cannot be started (threads, or the certificate and its key)");
   if ((s->work = work_start(&o->sources)) == NULL || (s->live = live_start(&o->sources)) == NULL ||
       (s->daemon = start_daemon(s)) == NULL) {
      server_stop(s);
      return NULL;
   }
   return s;
}

void server_token(struct server *s, char token[TOKEN_SIZE])
{
   sessions_token(&s->sessions, token);
}

void server_tick(struct server *s)
{
   connections_tick(&s->connections, now_ms(), REQUEST_MS);
}

void server_numbers(struct server *s, struct about_numbers *n)
{
   pthread_mutex_lock(&s->connections.lock);
   *n = (struct about_numbers){.connections = s->connections.n,
                               .opened = s->connections.opened,
                               .evicted = s->connections.evicted,
                               .slow = s->connections.slow};
   pthread_mutex_unlock(&s->connections.lock);
   n->sessions = sessions_count(&s->sessions);
   n->browsers = live_clients(s->live);
}

/* Browsers ask until the daemon has stopped, and it must not stop while a request waits for an answer: first all that waits is
 * answered and nothing more may wait, then the daemon stops, and only then is released what its thread used. */
void server_stop(struct server *s)
{
   if (s->daemon != NULL) {
      MHD_quiesce_daemon(s->daemon);
   }
   if (s->live != NULL) {
      live_stop(s->live);
   }
   work_stop(s->work);
   if (s->daemon != NULL) {
      MHD_stop_daemon(s->daemon);
      close(s->o.listener);
   }
   if (s->live != NULL) {
      live_free(s->live);
   }
   work_free(s->work);
   sessions_close(&s->sessions);
   free(s);
}
