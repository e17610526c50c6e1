/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: a request of a browser. Lines: method, path, Host, Origin, Sec-Fetch-Site, Cookie, Authorization, arguments "KEY=VALUE&..."; then the body. */
#include "api.h"
#include "guard.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *next_line(char **text)
{
   char *line = *text;
   size_t length = strcspn(line, "\n");
   *text = line + length + (line[length] == '\n');
   line[length] = 0;
   return line;
}

static unsigned split(char *text, struct argument list[API_ARGUMENTS])
{
   unsigned n = 0;
   for (char *rest, *item = strtok_r(text, "&", &rest); item != NULL && n < API_ARGUMENTS;
        item = strtok_r(NULL, "&", &rest)) {
      char *value = strchr(item, '=');
      if (value != NULL) {
         *value++ = 0;
      }
      list[n++] = (struct argument){item, value};
   }
   return n;
}

static void check_guard(const struct headers *h, bool changes)
{
   struct guard g;
   const char *why;
   char id[TOKEN_SIZE];
   guard_init(&g, false, 8080);
   if (!guard_add_host(&g, "localhost") || !guard_add_host(&g, "[::1]")) {
      abort();
   }
   (void) guard_add_host(&g, h->origin);
   g.n_hosts = 2;
   unsigned status = guard_check(&g, h, changes, &why);
   if (status == 0 && strcasecmp(h->host, "localhost:8080") != 0 && strcasecmp(h->host, "[::1]:8080") != 0) {
      abort(); /* a name that is not ours */
   }
   if (status != 0 && *why == 0) {
      abort();
   }
   if (guard_session(&g, h->cookie, id) && !guard_is_token(id, strlen(id))) {
      abort();
   }
   (void) guard_bearer(h->authorization, "0123456789abcdef");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char *text = calloc(1, size + 1), *at = text, why[API_WHY] = "";
   struct argument list[API_ARGUMENTS];
   struct call call;
   if (text == NULL) {
      return 0;
   }
   memcpy(text, data, size);
   char *method = next_line(&at), *path = next_line(&at);
   struct headers h = {.n_hosts = 1};
   h.host = next_line(&at);
   h.origin = next_line(&at);
   h.site = next_line(&at);
   h.cookie = next_line(&at);
   h.authorization = next_line(&at);
   check_guard(&h, strcmp(method, "POST") == 0);
   unsigned n = split(next_line(&at), list);
   unsigned status = api_parse(method, path, list, n, at, strlen(at), &call, why);
   if (status != 200 && *why == 0) {
      abort(); /* refused without a reason */
   }
   if (status == 200 && call.lane != LANE_LOCAL) {
      char *request = json_dumps(call.request, JSON_COMPACT);
      if (request == NULL || strchr(request, '\n') != NULL) {
         abort(); /* what is asked is one line */
      }
      free(request);
   }
   json_decref(call.request);
   free(text);
   return 0;
}
