/* SPDX-License-Identifier: BSD-3-Clause */
/** The connection to alert_store: requests and answers are JSON objects, one a line. */
#include "alerts.h"
#include "cli.h"
#include "socket_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool store_connect(struct store_client *c, const char *name)
{
   char why[SOCKET_REASON_SIZE] = "";
   struct socket_dirs dirs;
   memset(c, 0, sizeof(*c));
   int fd = socket_dirs_init(&dirs, DEFAULT_SOCKET_DIR, why);
   if (fd == 0) {
      fd = socket_connect(&dirs, name, why);
      socket_dirs_free(&dirs);
   }
   if (fd < 0) {
      cli_error("no store of alerts answers: %s. A nemea run has one (--state-dir DIR where it has another "
                "directory than the default); or start alert_store -d FILE -i u:DETECTOR:resume=store",
                why);
      return false;
   }
   fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
   c->stream = fdopen(fd, "r+");
   if (c->stream == NULL) {
      cli_error("the connection to the store: %s", strerror(errno));
      close(fd);
   }
   return c->stream != NULL;
}

bool store_ask(struct store_client *c, const json_t *request)
{
   char *text = json_dumps(request, JSON_COMPACT);
   bool sent = text != NULL && fprintf(c->stream, "%s\n", text) > 0 && fflush(c->stream) == 0;
   if (!sent) {
      cli_error("the store cannot be asked: %s", strerror(text != NULL ? errno : ENOMEM));
   }
   free(text);
   return sent;
}

json_t *store_next(struct store_client *c)
{
   errno = 0;
   ssize_t n = getline(&c->line, &c->size, c->stream);
   json_t *line = n > 0 ? json_loadb(c->line, (size_t) n, 0, NULL) : NULL;
   if (!json_is_object(line)) {
      cli_error(n > 0 ? "the store answered something else than expected: is this release another one than "
                        "the store's?"
                : errno != 0 ? "the connection to the store failed"
                             : "the store ended the connection");
      json_decref(line);
      return NULL;
   }
   return line;
}

void store_close(struct store_client *c)
{
   if (c->stream != NULL) {
      fclose(c->stream);
   }
   free(c->line);
   memset(c, 0, sizeof(*c));
}
