/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/nc_notify.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void nc_notify(const char *state)
{
   const char *path = getenv("NOTIFY_SOCKET");
   struct sockaddr_un a = {.sun_family = AF_UNIX};
   size_t length = path != NULL ? strlen(path) : 0;
   if (length == 0 || length >= sizeof(a.sun_path) || (*path != '/' && *path != '@')) {
      return;
   }
   memcpy(a.sun_path, path, length);
   if (*path == '@') {
      a.sun_path[0] = 0;
   }
   int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
   if (fd >= 0) {
      (void) sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *) &a,
                    (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length));
      close(fd);
   }
}

uint64_t nc_notify_interval(void)
{
   const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
   if (getenv("NOTIFY_SOCKET") == NULL || period == NULL ||
       (pid != NULL && strtoll(pid, NULL, 10) != getpid())) {
      return 0;
   }
   return strtoull(period, NULL, 10) / 2;
}
