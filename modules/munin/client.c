/* SPDX-License-Identifier: BSD-3-Clause */
/** Reads the counters of a module over its socket. */
#include "client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SECONDS 5 /* that the module may take */

const char *munin_read(const char *path, char *text)
{
   struct sockaddr_un address = {.sun_family = AF_UNIX};
   struct timeval timeout = {.tv_sec = SECONDS};
   size_t size = 0;
   ssize_t n = -1;
   if (strlen(path) >= sizeof(address.sun_path)) {
      return strerror(ENAMETOOLONG);
   }
   strcpy(address.sun_path, path);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
       connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0) {
      /* With a timeout, recv() is interrupted also by SIGCONT, which has no handler. */
      while ((n = recv(fd, text + size, MUNIN_MAX_TEXT - 1 - size, 0)) > 0 || (n < 0 && errno == EINTR)) {
         size += n > 0 ? (size_t) n : 0;
      }
   }
   int reason = errno;
   if (fd >= 0) {
      close(fd);
   }
   text[size] = 0;
   return n < 0 ? strerror(reason) : size == MUNIN_MAX_TEXT - 1 ? "the answer is too long" : NULL;
}

int munin_columns(char *text, struct munin_column *columns)
{
   char *values = strchr(text, '\n'), *save_name = NULL, *save_value = NULL;
   int n = 0;
   if (values == NULL) {
      return -1;
   }
   *values++ = 0;
   values[strcspn(values, "\n")] = 0;
   char *name = strtok_r(text, ",", &save_name), *value = strtok_r(values, ",", &save_value);
   for (; name != NULL && value != NULL && n < MUNIN_MAX_COLUMNS;
        name = strtok_r(NULL, ",", &save_name), value = strtok_r(NULL, ",", &save_value)) {
      if (strchr(name, '-') == NULL || value[strspn(value, "0123456789")] != 0) {
         return -1;
      }
      columns[n++] = (struct munin_column){name, value};
   }
   return name == NULL && value == NULL && n > 0 ? n : -1;
}

char *munin_split(char *name)
{
   char *dash = strrchr(name, '-');
   if (dash == NULL) {
      return NULL;
   }
   *dash = 0;
   return dash + 1;
}
